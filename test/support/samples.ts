/**
 * Octets that many tests begin with.
 * @module
 */

/** In hex, a SYN of Linux with TTL 57, window 64240 and MSS 1460, from 192.0.2.10 port 43210 to 198.51.100.7 port 443. */
export const SYN: string =
  '4500003c1234400039064343c000020ac6336407a8ca01bb1122334400000000a002faf000000000020405b40402080a00a1b2c30000000001030307'
