/**
 * The tables of SQLite, one migration a version of their shape.
 *
 * A row is small because what repeats has a number: machines, stacks, accounts. An address is its octets, and a network the first three
 * or eight of them, so that one index finds both. `observation` has no index but its key, which begins with the time, so that rows are
 * appended and expired in order; all questions are answered by the other tables.
 * @module
 */

/** Statements that bring a file from version N to N + 1, N counting from 0. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE machine (id INTEGER PRIMARY KEY, boot TEXT NOT NULL, host TEXT NOT NULL, UNIQUE (boot, host));
  -- AUTOINCREMENT: the number of an account that was removed is never another's.
  CREATE TABLE account (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
  CREATE TABLE stack (
    id INTEGER PRIMARY KEY, stack TEXT NOT NULL, label TEXT NOT NULL, family TEXT NOT NULL, muonfp TEXT NOT NULL, haproxy TEXT NOT NULL,
    mss INTEGER, tcp_window INTEGER NOT NULL, scale INTEGER, options TEXT NOT NULL, UNIQUE (stack, label, family)
  );
  -- seen: microseconds since 1970; lasted: microseconds from there to its last request; stack, account: 0 for none.
  -- rtt_provenance: 1 handshake, 2 recovered, 3 minimum, 4 retransmitted, 5 cookie, 6 deferred.
  CREATE TABLE observation (
    seen INTEGER NOT NULL, machine INTEGER NOT NULL, cookie NOT NULL, lasted INTEGER NOT NULL, address BLOB NOT NULL, port INTEGER,
    server_port INTEGER, stack INTEGER NOT NULL, ttl INTEGER, rtt INTEGER, rtt_provenance INTEGER, first_data_delay INTEGER,
    tls_round_trip INTEGER, requests INTEGER NOT NULL, account INTEGER NOT NULL, syn BLOB, PRIMARY KEY (seen, machine, cookie)
  ) WITHOUT ROWID;
  -- day: UTC, days since 1970, on which the connections began; first, last: microseconds since 1970.
  CREATE TABLE seen_daily (
    day INTEGER NOT NULL, address BLOB NOT NULL, stack INTEGER NOT NULL, account INTEGER NOT NULL, connections INTEGER NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, rtt INTEGER, PRIMARY KEY (day, address, stack, account)
  ) WITHOUT ROWID;
  CREATE INDEX seen_daily_account ON seen_daily (account, day) WHERE account <> 0;
  -- Sums of seen_daily, for questions about all addresses: connections by day, and the last day of each network.
  CREATE TABLE stack_daily (day INTEGER NOT NULL, stack INTEGER NOT NULL, connections INTEGER NOT NULL, PRIMARY KEY (day, stack))
    WITHOUT ROWID;
  CREATE TABLE stack_network (stack INTEGER NOT NULL, network BLOB NOT NULL, last_day INTEGER NOT NULL, PRIMARY KEY (stack, network))
    WITHOUT ROWID;
  `,
]
