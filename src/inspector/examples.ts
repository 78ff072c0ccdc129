/**
 * SYNs as they were seen on the wire, to look at without a network. From the test vectors, where each has its evidence; addresses are
 * replaced by those of documentation, and the IP checksum follows.
 * @module
 */

/** A SYN to look at. */
export interface Example {
  readonly name: string
  readonly about: string
  readonly hex: string
  /** Where it was seen. */
  readonly source: string
}

/** The examples of the page for dumps. */
export const EXAMPLES: readonly Example[] = [
  {
    name: 'Windows 10 and 11',
    about: 'Windows 10',
    hex: '45000034e45a400080062a24c000020ac6336407c27700509123ce9a000000008002ffffae5f0000020405b40103030801010402',
    source: 'zeek/zeek no_crlf.pcap',
  },
  {
    name: 'iPhone',
    about: 'iOS 13 over Wi-Fi',
    hex: '450000400000400040064e73c000020ac6336407c58f01bb0deab6d400000000b0c2ffff2d7b0000020405b4010303070101080a11dfe6d30000000004020000',
    source: 'ntop/nDPI iphone.pcap',
  },
  {
    name: 'Android',
    about: 'A Galaxy A71 with Android 11',
    hex: '4500003c5c9140004006f1e5c000020ac6336407edfe0050d753551d00000000a002ffff80230000020405b40402080ad0ba585b000000000103030a',
    source: 'ntop/nDPI mpeg-dash.pcap',
  },
  {
    name: 'macOS',
    about: 'Safari on a Mac, with ECN',
    hex: '450000400000000040068e73c000020ac6336407e9b701bb0020d73000000000b0c2ffffc5420000020405b4010303060101080af94e16620000000004020000',
    source: 'biandratti/huginn-net macos_safari_tls_extensions.pcap',
  },
  {
    name: 'Linux today',
    about: 'Linux 7.2 with 4 GiB of memory',
    hex: '4500003c70fb40004006dd7bc000020ac6336407cd9e1f9029c9bcdb00000000a002faf055220000020405b40402080a263279d80000000001030309',
    source: 'measured: distribution kernel in a virtual machine',
  },
  {
    name: 'A camera',
    about: 'A Blink Indoor camera',
    hex: '450000300006000080064e7dc000020ac6336407fa6301bbff7fed43000000007002832c960e0000020405b401010100',
    source: 'tj-oconnor/IoT-Dataset blink-cam-01..03',
  },
  {
    name: 'A console',
    about: 'A Nintendo Switch',
    hex: '4500003c1173400040063d04c000020ac6336407a22d01bbd22c6a4400000000a0028000f260000002040550010303060402080a001a718c00000000',
    source: 'ntop/nDPI nintendo.pcap',
  },
  {
    name: 'zmap',
    about: 'zmap, which imitates Windows badly',
    hex: '4500003435810000400658fec000020ac633640793de00501ca87390000000008002ffffc6a50000020405b40103030801010402',
    source: 'measured',
  },
  {
    name: 'nmap',
    about: 'nmap -sS, the usual port scan',
    hex: '4500002c72ce00003a0621b9c000020ac6336407b8280016a079d6140000000060020400e1550000020405b4',
    source: 'measured',
  },
  {
    name: 'Behind a VPN',
    about: 'Linux with the MTU of WireGuard, 1420',
    hex: '4500003cb172400040069d04c000020ac6336407e9bc1f9074f3203600000000a002fd5c84320000020405640402080afd1f0b620000000001030307',
    source: 'measured: network namespace, veth',
  },
  {
    name: 'A relay',
    about: 'A Linux proxy that carries a client of Windows 7',
    hex: '4500003c1e8940003e0631eec000020ac6336407a3e200508494128a00000000a00239082b7b0000020405500402080a00420c030000000001030308',
    source: 'arkime/arkime tests/pcap/http-xff.pcap frame 1',
  },
]
