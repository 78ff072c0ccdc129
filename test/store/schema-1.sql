-- The tables of version 1 as they were published, with three connections of 2026-11-27. Never changes.
CREATE TABLE machine (id INTEGER PRIMARY KEY, boot TEXT NOT NULL, host TEXT NOT NULL, UNIQUE (boot, host));
CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE stack (
  id INTEGER PRIMARY KEY, stack TEXT NOT NULL, label TEXT NOT NULL, family TEXT NOT NULL, muonfp TEXT NOT NULL, haproxy TEXT NOT NULL,
  mss INTEGER, tcp_window INTEGER NOT NULL, scale INTEGER, options TEXT NOT NULL, UNIQUE (stack, label, family)
);
-- seen: microseconds since 1970; lasted: microseconds from there to its last request; stack, account: 0 for none.
CREATE TABLE observation (
  machine INTEGER NOT NULL, cookie NOT NULL, seen INTEGER NOT NULL, lasted INTEGER NOT NULL, address BLOB NOT NULL, port INTEGER,
  server_port INTEGER, stack INTEGER NOT NULL, ttl INTEGER, rtt INTEGER, rtt_provenance TEXT, first_data_delay INTEGER,
  tls_round_trip INTEGER, requests INTEGER NOT NULL, account INTEGER NOT NULL, syn BLOB, PRIMARY KEY (machine, cookie)
) WITHOUT ROWID;
CREATE INDEX observation_seen ON observation (seen);
CREATE INDEX observation_address ON observation (address);
CREATE INDEX observation_account ON observation (account) WHERE account <> 0;
-- day: UTC, days since 1970, on which the connections began; first, last: microseconds since 1970.
CREATE TABLE seen_daily (
  day INTEGER NOT NULL, address BLOB NOT NULL, stack INTEGER NOT NULL, account INTEGER NOT NULL, connections INTEGER NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, rtt INTEGER, PRIMARY KEY (day, address, stack, account)
) WITHOUT ROWID;
CREATE INDEX seen_daily_account ON seen_daily (account, day) WHERE account <> 0;
INSERT INTO machine VALUES (1, 'boot', 'host');
INSERT INTO account VALUES (1, 'anna');
INSERT INTO stack VALUES (1, '4:64:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0', 'Linux', 'linux', '64240:2-4-8-1-3:1460:7', '0050A8FAF005B447', 1460, 64240, 7, '2,4,8,1,3');
INSERT INTO observation SELECT 1, value, 1795737600000000, 0, x'c000020a', 43210, 443, 1, 57, 20000, 'handshake', 3, NULL, 1, 1, NULL FROM json_each('[1,2,3]');
INSERT INTO seen_daily VALUES (20784, x'c000020a', 1, 1, 3, 1795737600000000, 1795737600000000, 20000);
PRAGMA user_version = 1;
