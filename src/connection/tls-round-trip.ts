/**
 * The round trip to the machine that ends the TLS session, from the first TCP_INFO of a connection.
 *
 * The server sends its part of the handshake, the client answers with its Finished and with the first request. A relay that passes
 * octets on (SOCKS, port forwarding) answers the TCP handshake itself, but not this one. The kernel keeps the times of the last data
 * sent and received (`lsndtime`, `lrcvtime`), each exact to a jiffy.
 * @module
 */
import type { TcpInfoOffset } from '../wire/tcp-info.ts'

const SND_MSS: TcpInfoOffset<'snd_mss'> = 16
const LAST_DATA_SENT: TcpInfoOffset<'last_data_sent'> = 44
const LAST_DATA_RECV: TcpInfoOffset<'last_data_recv'> = 52
const DATA_SEGS_OUT: TcpInfoOffset<'data_segs_out'> = 156
const BYTES_SENT: TcpInfoOffset<'bytes_sent'> = 200
const BYTES_RETRANS: TcpInfoOffset<'bytes_retrans'> = 208

/** Octets needed: up to `bytes_retrans`, which is there since Linux 4.19. */
const NEEDED = BYTES_RETRANS + 8
/** Octets of the longest handshake that is believed: certificates of 64 KiB are refused by most clients. */
const HANDSHAKE_OCTETS = 65_536

/** How a server's TLS library sends its part of the handshake. */
export type TlsSender =
  /** BoringSSL in Bun: one or two flights (TLS 1.2). Session tickets wait until the application writes. */
  | 'boringssl'
  /** rustls in Deno: three segments with TLS 1.2. With TLS 1.3 a fourth has the session tickets, at the client's Finished. */
  | 'rustls'

/**
 * Milliseconds from the server's last handshake octets to the client's data of the first request, the client's own wait included,
 * exact to a jiffy. To be asked with the TCP_INFO of the first request over HTTP/1.1, before anything is answered.
 *
 * `undefined` where the server has sent anything since its handshake, or may have: an answer, session tickets, or the handshake
 * again (`tcp_event_data_sent` notes the time of retransmissions, too).
 */
export function tlsRoundTrip(info: DataView, octets: number, sender: TlsSender): number | undefined {
  if (octets < NEEDED) return undefined
  const segments = info.getUint32(DATA_SEGS_OUT, true)
  const sent = info.getUint32(BYTES_SENT, true) + info.getUint32(BYTES_SENT + 4, true) * 0x1_0000_0000
  if (segments === 0 || sent > HANDSHAKE_OCTETS || info.getBigUint64(BYTES_RETRANS, true) !== 0n) return undefined
  const most = sender === 'rustls' ? 3 : Math.ceil(sent / Math.max(1, info.getUint32(SND_MSS, true))) + 1
  if (segments > most) return undefined
  const elapsed = info.getUint32(LAST_DATA_SENT, true) - info.getUint32(LAST_DATA_RECV, true)
  return elapsed < 0 ? undefined : elapsed
}
