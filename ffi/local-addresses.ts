/**
 * The addresses to which this machine accepts connections, as the kernel's local routes have them (rtnetlink(7), RTM_GETROUTE, routes of
 * type RTN_LOCAL in every table). Interface addresses are among them, and so are whole networks: 127.0.0.0/8, and what an
 * administrator made local (AnyIP). Read once, and again after the kernel has sent a notice of a change.
 * @module
 */
import { type AddressWords, createAddressWords, isMapped, sameAddress } from '../src/wire/sockaddr.ts'
import { AF_INET, AF_INET6, NETLINK_GET_STRICT_CHK, NETLINK_ROUTE, SOL_NETLINK } from './constants.ts'
import type { Libc } from './libc.ts'
import { attribute, HEADER_OCTETS, NetlinkSocket } from './netlink.ts'
import { readAddress } from './sock-diag.ts'

const RTM_NEWROUTE = 24
const RTM_GETROUTE = 26
const RTA_DST = 1
const RTN_LOCAL = 2
/** Where things are in `struct rtmsg`. */
const ROUTE = { FAMILY: 0, DESTINATION_BITS: 1, TYPE: 7, OCTETS: 12 }
/** RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_IFADDR, RTMGRP_IPV6_ROUTE (linux/rtnetlink.h). */
const GROUPS = 0x10 | 0x40 | 0x100 | 0x400
/** Routes read at most. Kernels before 4.20 send all routes, of which a router has a million. */
const ROUTES_AT_MOST = 4096
/** Notices read in one call at most. */
const NOTICES_AT_MOST = 64

/** Addresses of one family. */
export interface FamilyAddresses {
  /** Single addresses. */
  readonly single: readonly AddressWords[]
  /** True if a network other than 127.0.0.0/8 is local as a whole: the addresses cannot be listed. */
  readonly hasNetworks: boolean
}

interface Family {
  single: AddressWords[]
  hasNetworks: boolean
}

/** One per thread. */
export class LocalAddresses {
  readonly #requests: NetlinkSocket
  readonly #notices: NetlinkSocket
  readonly #message = new Uint8Array(new ArrayBuffer(HEADER_OCTETS + ROUTE.OCTETS))
  #ipv4: Family | undefined
  #ipv6: Family | undefined
  #isStale = true
  /** True if the kernel refused to answer, and might not the next time. */
  #isRefused = false

  constructor(libc: Libc) {
    this.#requests = new NetlinkSocket(libc, NETLINK_ROUTE)
    this.#notices = new NetlinkSocket(libc, NETLINK_ROUTE, GROUPS)
  }

  /** The addresses of the family of `address` now, `undefined` where the kernel does not say. */
  ofFamily(address: AddressWords): FamilyAddresses | undefined {
    if (!this.#notices.open()) return undefined
    if (this.#notices.hasNotice(NOTICES_AT_MOST)) this.#isStale = true
    if (this.#isStale) {
      this.#isStale = false
      this.#isRefused = false
      this.#ipv4 = this.#read(AF_INET)
      this.#ipv6 = this.#read(AF_INET6)
    }
    return isMapped(address) ? this.#ipv4 : this.#ipv6
  }

  #read(family: number): Family | undefined {
    const found: Family = { single: [], hasNetworks: false }
    // With it the kernel heeds the type asked for. Kernels before 4.20 do not know it.
    this.#requests.setOption(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1)
    this.#message.fill(0)
    this.#message[HEADER_OCTETS + ROUTE.FAMILY] = family
    this.#message[HEADER_OCTETS + ROUTE.TYPE] = RTN_LOCAL
    let left = ROUTES_AT_MOST
    const end = this.#requests.ask(this.#message, RTM_GETROUTE, ROUTES_AT_MOST, true, (start, stop) => {
      this.#add(found, family, start, stop)
      return --left > 0
    })
    this.#requests.close()
    this.#isRefused ||= end === 'refused' || typeof end === 'object'
    return end === 'complete' ? found : undefined
  }

  #add(found: Family, family: number, start: number, end: number): void {
    const { view } = this.#requests
    if (end - start < ROUTE.OCTETS || view.getUint8(start + ROUTE.TYPE) !== RTN_LOCAL) return
    if (view.getUint16(start - HEADER_OCTETS + 4, true) !== RTM_NEWROUTE) return
    const bits = view.getUint8(start + ROUTE.DESTINATION_BITS)
    const at = attribute(view, start + ROUTE.OCTETS, end, RTA_DST, family === AF_INET ? 4 : 16)
    const address = createAddressWords()
    if (at >= 0) readAddress(view, at, family, address)
    const isLoopback = family === AF_INET && bits >= 8 && address.w3 >>> 24 === 127
    if (at < 0 || bits !== (family === AF_INET ? 32 : 128)) found.hasNetworks ||= !isLoopback
    else if (!found.single.some((one) => sameAddress(one, address))) found.single.push(address)
  }

  /** Asks again, at the next request, what the kernel refused. */
  retry(): void {
    this.#requests.retry()
    this.#notices.retry()
    if (this.#isRefused) this.#isStale = true
  }

  close(): void {
    this.#requests.close()
    this.#notices.close()
    this.#isStale = true
  }
}
