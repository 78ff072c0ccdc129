/**
 * The tables of Postgres, in a schema of their own, `tcpfingerprint`; one migration a version of their shape.
 * @module
 */

/** Statements that bring the schema from version N to N + 1, N counting from 0. */
export const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE tcpfingerprint.stack (
      id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stack text NOT NULL, label text NOT NULL, family text NOT NULL,
      muonfp text NOT NULL, haproxy text NOT NULL, mss int, tcp_window int NOT NULL, scale int, options text NOT NULL,
      UNIQUE (stack, label, family))`,
    `CREATE TABLE tcpfingerprint.observation (
      boot text NOT NULL, host text NOT NULL, cookie text NOT NULL, seen timestamptz NOT NULL, last_seen timestamptz NOT NULL,
      network text NOT NULL, address text NOT NULL, port int, server_port int, stack int, ttl smallint, distance smallint, rtt bigint,
      rtt_provenance text, first_data_delay int, tls_round_trip int, requests int NOT NULL, account text NOT NULL, syn bytea,
      PRIMARY KEY (boot, host, cookie))`,
    'CREATE INDEX ON tcpfingerprint.observation (network, seen)',
    'CREATE INDEX ON tcpfingerprint.observation (seen)',
    `CREATE INDEX ON tcpfingerprint.observation (account) WHERE account <> ''`,
    `CREATE TABLE tcpfingerprint.seen_daily (
      day date NOT NULL, network text NOT NULL, address text NOT NULL, stack int NOT NULL, account text NOT NULL,
      connections bigint NOT NULL, first timestamptz NOT NULL, last timestamptz NOT NULL, rtt bigint,
      PRIMARY KEY (day, network, address, stack, account))`,
    'CREATE INDEX ON tcpfingerprint.seen_daily (network, day)',
    `CREATE INDEX ON tcpfingerprint.seen_daily (account, day) WHERE account <> ''`,
  ],
]
