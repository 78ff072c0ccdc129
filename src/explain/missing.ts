/**
 * What a capture could not get, and why, in words.
 * @module
 */
import type { Reason } from '../connection/connection.ts'
import type { Fingerprint } from '../connection/fingerprint.ts'

/** Why something is missing, and what to do about it. */
export interface ReasonWords {
  readonly why: string
  readonly remedy: string
}

/** Every reason in words. */
export const REASON: Readonly<Record<Reason, ReasonWords>> = {
  'no-connection': {
    why: 'The server no longer knows the connection of this request.',
    remedy: 'Mount fingerprint() first, on the root app: what comes before it may clone or consume the request.',
  },
  'unix-socket': {
    why: 'The request came over a unix socket, which has no SYN.',
    remedy: 'Listen on a TCP port, or let the proxy in front take the fingerprint.',
  },
  'not-tcp': {
    why: 'The request came over QUIC (HTTP/3), which has no SYN.',
    remedy: 'Turn HTTP/3 off where fingerprints are needed.',
  },
  ambiguous: {
    why: 'More than one connection could be the one of this request.',
    remedy: 'Listen on one address instead of all, and turn HTTP/3 off.',
  },
  'not-found': {
    why: 'No open socket of the server has this client as its peer.',
    remedy: 'It closes before the request is looked at, or another process accepts it: look at the proxy in between.',
  },
  'not-saved': {
    why: 'The kernel has kept no SYN of this connection: it was answered with a SYN cookie, was accepted before the listener was told to keep SYNs, or other code of the process has read its SYN.',
    remedy:
      'Connect again. If it stays so: net.ipv4.tcp_syncookies = 2 answers every SYN with a cookie, 1 (the default) only in a flood.',
  },
  unsupported: {
    why: 'This system cannot keep SYNs.',
    remedy: 'Run \u201ctcpfingerprint doctor\u201d: it says what is in the way.',
  },
  denied: {
    why: 'The permissions of the process forbid it.',
    remedy:
      'Deno needs --allow-ffi and --allow-net, Node with --permission needs --allow-ffi, or --allow-addons for koffi. \u201ctcpfingerprint doctor\u201d says more.',
  },
}

/** A fact that is not there. */
export interface MissingFact {
  readonly fact: string
  readonly why: string
  readonly remedy?: string
  /** True if the client did not send it: nothing was lost. */
  readonly unsent?: true
}

/** Circumstances of a request that explain what is missing. */
export interface RequestCircumstances {
  readonly tls: boolean
}

/** What is missing in a fingerprint and why, the weightiest first; facts that the client did not send come last. */
export function missingFacts(fingerprint: Fingerprint, { tls }: RequestCircumstances): MissingFact[] {
  const { syn, tcpInfo, source, reason, timing, connection, label, hop } = fingerprint
  const facts: MissingFact[] = []
  const because = (of: Reason | undefined): ReasonWords => {
    if (hop === undefined) return of === undefined ? TURNED_OFF : REASON[of]
    // Without a connection the proxy's headers were all there was to go by.
    if (of === undefined || (of === 'not-saved' && connection === undefined)) return NOT_FORWARDED
    return BEHIND_PROXY[of] ?? REASON[of]
  }
  if (syn === undefined) {
    facts.push({ fact: 'SYN, fingerprints and label', ...because(reason) })
  }
  if (tcpInfo === undefined) {
    const words =
      hop !== undefined && source === 'packet'
        ? ENDED
        : connection !== undefined
          ? TURNED_OFF
          : // Sockets are listed without privilege.
            because(hop !== undefined && reason === 'denied' ? 'not-found' : reason)
    facts.push({ fact: 'TCP_INFO', ...words })
  }
  if (connection !== undefined) {
    if (timing.handshakeRtt === undefined) {
      facts.push({
        fact: 'Handshake RTT',
        why:
          tcpInfo === undefined
            ? 'It is read off TCP_INFO.'
            : 'The kernel has no sample of it: the SYN-ACK was sent more than once to a client without timestamps.',
      })
    }
    if (timing.firstDataDelayMilliseconds === undefined) facts.push({ fact: 'First-data delay', why: whyNoTime(tls) })
    if (timing.acceptTime === undefined) facts.push({ fact: 'Accept time', why: whyNoTime(tls) })
    if (timing.handshakeTimeToLive === undefined) {
      facts.push({ fact: 'TTL of the handshake\u2019s last segment', why: 'The kernel did not tell.' })
    }
  }
  if (syn !== undefined) {
    if (label !== undefined && label.name === undefined) {
      facts.push({ fact: 'Label', why: 'No signature of the database fits this SYN.' })
    } else if (label === undefined) facts.push({ fact: 'Label', ...TURNED_OFF })
    const { tcp } = syn
    const unsent: string[] = []
    if (tcp.mss === undefined) unsent.push('maximum segment size')
    if (tcp.windowScale === undefined) unsent.push('window scale')
    if (!tcp.sackPermitted) unsent.push('SACK permitted')
    if (tcp.timestamps === undefined) unsent.push('timestamps')
    if (unsent.length > 0) {
      const list = unsent.join(', ')
      facts.push({
        fact: `${list.charAt(0).toUpperCase()}${list.slice(1)}`,
        why: 'The client did not send it.',
        unsent: true,
      })
    }
  }
  return facts
}

/** Of the client's own connection, behind a proxy of this machine. */
const BEHIND_PROXY: Readonly<Partial<Record<Reason, ReasonWords>>> = {
  denied: {
    why: 'SYNs are read from the wire, which needs CAP_NET_RAW when the fingerprinter is made.',
    remedy: 'Give it to the process (systemd: AmbientCapabilities=CAP_NET_RAW).',
  },
  'not-found': {
    why: 'No connection with the address and port that the proxy names is open here.',
    remedy: 'The proxy has to send the address and port of its own peer, and to run in this network namespace.',
  },
  'not-saved': {
    why: 'No SYN of this connection was read from the wire: it came before the fingerprinter was made, was lost, or the option packets is not set.',
    remedy: 'Set the option, or connect again.',
  },
  ambiguous: {
    why: 'Another connection could be meant: its port was used again within seconds, or SYNs were forged or lost.',
    remedy: 'Connect again.',
  },
}

const ENDED: ReasonWords = {
  why: 'The connection has ended, sock_diag does not answer, or it is turned off in the options of fingerprint().',
  remedy: '',
}

const TURNED_OFF: ReasonWords = { why: 'It is turned off in the options of fingerprint().', remedy: '' }

const NOT_FORWARDED: ReasonWords = {
  why: 'The proxy did not tell, or not in a form that can be read.',
  remedy: 'See the option trustedHeader of fingerprint().',
}

function whyNoTime(tls: boolean): string {
  const known = 'It is told only where the server has sent nothing before the first request is read'
  return tls ? `${known}, and over TLS it has.` : `${known}, and where a bare ACK completed the handshake.`
}
