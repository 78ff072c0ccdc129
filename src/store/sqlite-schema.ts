/**
 * The tables of SQLite, one migration a version of their shape.
 *
 * A row is small because what repeats has a number: machines, stacks, accounts. An address is its octets, and a network the first three
 * or eight of them, so that one index finds both. The key of `observation` begins with the time, so that rows are appended and
 * expired in order, and only those without a stack have another index; all questions are answered by the other tables.
 * @module
 */

/**
 * Statements that bring a file from version N to N + 1, N counting from 0.
 *
 * - `account`: AUTOINCREMENT, because the number of an account that was removed must never be another's.
 * - `observation`: `seen` in microseconds since 1970, `lasted` from there to its last request; `stack`, `account`: 0 for none;
 *   `rtt_provenance`: 1 handshake, 2 recovered, 3 minimum, 4 retransmitted, 5 cookie, 6 deferred.
 * - `seen_daily`: `day` in UTC days since 1970, on which the connections began; `first`, `last` in microseconds since 1970.
 * - `stack_daily`, `stack_network`: sums of `seen_daily` for questions about all addresses, connections by day and the last day of a network.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE machine (id INTEGER PRIMARY KEY, boot TEXT NOT NULL, host TEXT NOT NULL, UNIQUE (boot, host));
  CREATE TABLE account (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
  CREATE TABLE stack (
    id INTEGER PRIMARY KEY, stack TEXT NOT NULL, label TEXT NOT NULL, family TEXT NOT NULL, muonfp TEXT NOT NULL, haproxy TEXT NOT NULL,
    mss INTEGER, tcp_window INTEGER NOT NULL, scale INTEGER, options TEXT NOT NULL, UNIQUE (stack, label, family)
  );
  CREATE TABLE observation (
    seen INTEGER NOT NULL, machine INTEGER NOT NULL, cookie NOT NULL, lasted INTEGER NOT NULL, address BLOB NOT NULL, port INTEGER,
    server_port INTEGER, stack INTEGER NOT NULL, ttl INTEGER, rtt INTEGER, rtt_provenance INTEGER, first_data_delay INTEGER,
    tls_round_trip INTEGER, requests INTEGER NOT NULL, account INTEGER NOT NULL, syn BLOB, PRIMARY KEY (seen, machine, cookie)
  ) WITHOUT ROWID;
  CREATE TABLE seen_daily (
    day INTEGER NOT NULL, address BLOB NOT NULL, stack INTEGER NOT NULL, account INTEGER NOT NULL, connections INTEGER NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, rtt INTEGER, PRIMARY KEY (day, address, stack, account)
  ) WITHOUT ROWID;
  CREATE INDEX seen_daily_account ON seen_daily (account, day) WHERE account <> 0;
  CREATE TABLE stack_daily (day INTEGER NOT NULL, stack INTEGER NOT NULL, connections INTEGER NOT NULL, PRIMARY KEY (day, stack))
    WITHOUT ROWID;
  CREATE TABLE stack_network (stack INTEGER NOT NULL, network BLOB NOT NULL, last_day INTEGER NOT NULL, PRIMARY KEY (stack, network))
    WITHOUT ROWID;
  `,
  'CREATE INDEX observation_uncounted ON observation (account) WHERE account <> 0 AND stack = 0',
]

/** Where the counts of a row of `observation` are. */
const dailyRow = (row: 'OLD' | 'NEW'): string =>
  `day = ${row}.seen / 86400000000 AND address = ${row}.address AND stack = ${row}.stack AND account = ${row}.account`
const COUNT = `INSERT INTO seen_daily (day, address, stack, account, connections, first, last, rtt)
    VALUES (NEW.seen / 86400000000, NEW.address, NEW.stack, NEW.account, 1, NEW.seen, NEW.seen + NEW.lasted, NEW.rtt)
    ON CONFLICT DO UPDATE SET connections = connections + 1, first = min(first, excluded.first), last = max(last, excluded.last),
    rtt = min(ifnull(rtt, excluded.rtt), ifnull(excluded.rtt, rtt))`

/**
 * Triggers of one open file, which keep the counts: an observation that was there before, because its batch comes again, counts once, and
 * a connection counts for the account that was named last. Observations that go leave their counts.
 */
export const COUNTING: string = `
  CREATE TEMP TRIGGER counted AFTER INSERT ON main.observation WHEN NEW.stack <> 0 BEGIN
    ${COUNT};
    INSERT INTO stack_daily (day, stack, connections) VALUES (NEW.seen / 86400000000, NEW.stack, 1)
      ON CONFLICT DO UPDATE SET connections = connections + 1;
    INSERT INTO stack_network (stack, network, last_day)
      VALUES (NEW.stack, substr(NEW.address, 1, iif(length(NEW.address) > 4, 8, 3)), NEW.seen / 86400000000)
      ON CONFLICT DO UPDATE SET last_day = excluded.last_day WHERE last_day < excluded.last_day;
  END;
  CREATE TEMP TRIGGER renamed AFTER UPDATE OF account ON main.observation WHEN NEW.stack <> 0 AND NEW.account <> OLD.account BEGIN
    UPDATE seen_daily SET connections = connections - 1 WHERE ${dailyRow('OLD')};
    DELETE FROM seen_daily WHERE ${dailyRow('OLD')} AND connections <= 0;
    ${COUNT};
  END;
  CREATE TEMP TRIGGER prolonged AFTER UPDATE OF lasted ON main.observation WHEN NEW.stack <> 0 BEGIN
    UPDATE seen_daily SET last = max(last, NEW.seen + NEW.lasted) WHERE ${dailyRow('NEW')};
  END;
`
