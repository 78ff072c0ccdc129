/*
  Labels from YARA rules over a saved SYN: five tools and three devices, as the signatures of tcpfingerprint tell them.
  tcpfingerprint serve --yara stacks.yar, or fingerprint({ labeller: yara({ rules: 'stacks.yar' }) }).
*/

rule nmap_syn_scan : tool
{
  meta:
    label = "nmap SYN scan, or naabu without DF"
  condition:
    ip_version == 4 and ttl <= 59 and window == 1024 and options == "2" and mss == 1460
    // DF clear: bit 6 of octet 6
    and uint8(6) & 0x40 == 0 and uint16be(4) != 0
}

rule masscan : tool
{
  meta:
    label = "masscan newer than 1.3.2"
  condition:
    initial_ttl == 255 and window == 1025 and options == "2"
}

rule masscan_old : tool
{
  meta:
    label = "masscan 1.3.2 or older, or another raw scanner"
  condition:
    initial_ttl == 255 and window == 1024 and options == ""
}

rule zmap : tool
{
  meta:
    label = "zmap 4.1 or newer, or Windows without DF"
  strings:
    // MSS 1460 or lower, NOP, scale 8, NOP, NOP, SACK permitted
    $options = { 02 04 ?? ?? 01 03 03 08 01 01 04 02 }
  condition:
    ip_version == 4 and initial_ttl == 64 and window == 65535 and $options at 40 and uint8(6) & 0x40 == 0
}

rule scapy : tool
{
  meta:
    label = "scapy TCP() with its defaults"
  condition:
    ip_version == 4 and initial_ttl == 64 and window == 8192 and options == "" and uint32be(24) == 0
}

rule lwip : embedded
{
  meta:
    label = "lwIP"
  condition:
    ip_version == 4 and initial_ttl == 255 and options == "2" and window == 4 * mss
    // DF clear, no acknowledgment number
    and uint8(6) & 0x40 == 0 and uint32be(28) == 0
}

rule playstation_3 : bsd
{
  meta:
    label = "PlayStation 3 (NetBSD-derived)"
  condition:
    ip_version == 4 and initial_ttl == 64 and window == 65535 and scale == 0 and options == "2,1,3,4,1,1,1,1,8"
}

rule comware : network
{
  meta:
    label = "H3C Comware (router or switch)"
  condition:
    ip_version == 4 and initial_ttl == 255 and window == 64512 and scale == 3 and options == "2,1,3,4,8"
}
