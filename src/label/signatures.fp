; Signature database of tcpfingerprint
; ------------------------------------
;
; SPDX-License-Identifier: MIT
;
; Format: p0f v3, sections [mtu] and [tcp:request], with five additions to "sig" lines. "tcpfingerprint database --format p0f" writes what
; p0f 3.09b itself loads. Every signature was written for this project from the evidence named above it; none is taken from p0f's file.
;
;   8192|64240, 7|8-10   as window, as scale: any of these
;   mss*max              as window: the largest multiple of the MSS up to 65535, also of an MSS up to 1460 that was lowered on the way
;   ecn?                 quirk: there or not
;   id=54321             among the quirks: this IPv4 identification, no other
;   64!                  as initial TTL: exact matches only, no fuzzy one. For wide signatures
;
; Evidence marks
;   [m]       measured: the SYN was made by the named system or tool and captured
;   [s]       read in the source of the stack
;   8 digits  first hexadecimal digits of the SHA-256 of a public captured SYN whose sender is named by the capture
;   [c]       several independent captures agree, or public collections whose User-Agent or device list names the senders (counts are
;             distinct SYNs)
;
; Wording: a label is never narrower than its evidence. "or tuned" means that a setting of a newer system gives the same SYN.
; Where two stacks send the same SYN the label names both.
;
; Class of a label = family of the sender: linux, windows, apple, bsd, embedded (devices), network (routers, switches), userspace,
; relay (what ends TCP on behalf of others). Tools have class "!".
;
; No signature, for want of evidence (no capture that names its sender, and no source read to the end):
;   Xbox, VxWorks, ChromeOS (treat as Linux), Zephyr, DragonFly, Solaris and illumos, AIX, HP-UX, NetScaler, Seastar, netstack3,
;   Nut/OS, Mozi, RustScan and ZGrab (they use connect(): the SYN is the system's own), TCP Fast Open of Windows and Apple.
;
; How matching shapes this file (p0f 3.09b): the first exact "s" signature in file order wins, then the first exact "g",
; then the first fuzzy one. Fuzzy: TTL out of range, DF or the IP ID missing, ECN or a zero ID added. A tool that would be
; the first fuzzy match gives no label at all: tools come first, so that none of them is taken for a system. What looks like
; another stack once DF is gone comes before that stack. A window is "*" only where no other stack shares layout and quirks, or
; with "!". "mss*N" also holds for an MSS lowered on the way when the window is N times 1460 or 1448 (IPv6: 1440, 1428 too).
; Version "*" with quirks "df,id+,flow" means df,id+ over IPv4 and flow over IPv6.

classes = linux,windows,apple,bsd,embedded,network,userspace,relay

; ====
; Link
; ====
; MTU = MSS + 40 (IPv4), + 60 (IPv6). Routers lower the MSS to what the path carries: the link may be theirs.

[mtu]

; Linux over IPv4: MSS 65495 [m 6.18]. Over IPv6 it is 65536, a value that p0f does not accept here
label = loopback
sig   = 65535
; Linux before 3.6: MSS 16396 [c]; BSD and macOS: 16344, 16324 (011254d2, 2841e7bb, 1ec8e38f)
sig   = 16436
sig   = 16384

; connected mode, 65520 in a capture named ipoib
label = IP over InfiniBand
sig   = 65520

; EC2 inside a VPC (AWS documentation); window 62727 measured for it
label = AWS jumbo frames
sig   = 9001

label = jumbo Ethernet
sig   = 9000

; cloud.google.com/vpc/docs/mtu: largest and default value
label = Google Cloud jumbo frames
sig   = 8896
label = Google Cloud
sig   = 1460

; RFC 894; Wi-Fi and most mobile networks show the same
label = Ethernet, Wi-Fi or mobile
sig   = 1500

; RFC 2516: 8 octets
label = PPPoE (DSL)
sig   = 1492

; RFC 2003, RFC 4213: 20 octets
label = IP in IP, 6in4 or similar tunnel
sig   = 1480

; RFC 2784: 24 octets; RFC 2890: 28
label = GRE tunnel
sig   = 1476
sig   = 1472

; RFC 7348: 50 octets (Docker overlay, flannel, Cilium TunnelOverhead)
label = VXLAN overlay
sig   = 1450

; 60 octets over IPv4, 80 with room for IPv6 (wg-quick); inside 1460 (Google Cloud) and 1450 (flannel)
label = WireGuard or similar tunnel
sig   = 1440
sig   = 1420
sig   = 1380
sig   = 1370

; cloud overlays, OpenVPN, IPsec by habit [c]
label = overlay network or VPN
sig   = 1400

; RFC 8200: the smallest IPv6 allows; Tailscale (issue 16017) and many VPN clients
label = IPv6 minimum, Tailscale or other VPN
sig   = 1280

; RFC 879: dial-up, Cisco IOS towards remote networks
label = old default for remote networks
sig   = 576

[tcp:request]

; ==================
; Scanners and tools
; ==================

; [m 7.93] -sS and -PS: 20 runs, TTL 37 to 59 as sent; 1024 since 7, before also 2048, 3072 (corpus synscan, sender nmap by
; its name). --data-length puts octets into the SYN.
label = s:!:nmap:SYN scan, or naabu without DF
sys   = @linux,@windows,@apple,@bsd
sig   = *:59-:0:*:1024,0:mss::*
sig   = *:59-:0:1460:2048|3072,0:mss::*

; 4096: Siemens S7-300 and 400 with initial TTL 30 (industrial captures, ITI/ICS-Security-Tools [c]), and nmap before 7, whose TTL
; is at random: below 33 the controller is likelier
label = s:embedded:Siemens S7 controller or nmap:(old SYN scan)
sig   = 4:32!:0:*:4096,0:mss:id-?,ecn?:0
; [c] the same with another TTL
label = s:!:nmap or Siemens S7:(old SYN scan, or a controller)
sys   = @linux,@windows,@apple,@bsd
sig   = 6:59-:0:1460:4096,0:mss::*
sig   = 4:59-:0:*:4096,0:mss::*

; IPv6: hop limit 255 and MSS 1460 [m nmap 7.93 -6]; naabu sends the same [s]. IPv4, with a TTL that nmap does not start with: naabu
; through a raw socket [s] behind something that clears DF, or nmap with another TTL
label = s:!:nmap or naabu:SYN scan
sys   = @linux,@windows,@apple,@bsd
sig   = *:64-:0:*:1024,0:mss::*
sig   = 6:255:0:1460:1024,0:mss::0
sig   = 4:255:0:1460:1024,0:mss:id-:0

; [s scan_raw.go, 2026-05] own IP header: ID 0 (above); through a raw socket: the system's DF and ID
label = s:!:naabu:SYN scan
sys   = @linux,@windows,@apple,@bsd
sig   = 4:64:0:1460:1024,0:mss:df,id+:0

; [m 7.93 -O, -6 -O] probes 1 to 6, the ECN probe and the T probes. The ACK number is set without the ACK flag; p0f 3.09b
; sees that only in one bit of it, so each probe is here without "ack+" too (the layouts are nmap's alone).
label = s:!:nmap:OS detection
sys   = @linux,@windows,@apple,@bsd
sig   = *:64-:0:*:1,10:ws,nop,mss,ts,sok:ack+?,flow:0
sig   = *:64-:0:*:63,0:mss,ws,sok,ts,eol+0:ack+?,flow:0
sig   = *:64-:0:*:63,0:mss,ws,sok,ts,eol+0::0
sig   = *:64-:0:*:4,5:ts,nop,nop,ws,nop,mss:ack+?,flow:0
sig   = *:64-:0:0:4,10:sok,ts,ws,eol+0:ack+?,flow:0
sig   = *:64-:0:*:16,10:mss,sok,ts,ws,eol+0:ack+?,flow:0
sig   = *:64-:0:*:512,0:mss,sok,ts:ack+?,flow:0
sig   = *:64-:0:*:31337,10:ws,nop,mss,ts,sok:ack+?,flow:0
sig   = *:64-:0:*:3,10:ws,nop,mss,sok,nop,nop:ecn,uptr+,flow:0

; [m 1.3.2] no options; raw scanners that no capture names send the same [c]
label = s:!:masscan:1.3.2 or older, or another raw scanner
sys   = @linux,@windows,@apple,@bsd
sig   = *:255:0:0:1024,0:::0

; [m git 2be4093], commit 4f89257 of 2023-11; MSS 1460 over IPv6 too
label = s:!:masscan:newer than 1.3.2
sys   = @linux,@windows,@apple,@bsd
sig   = *:255:0:*:1025,0:mss::0

; [m 2.1.1] no options; ID 54321, as in several captures. With another ID: raw scanners that no capture names [c]
label = s:!:zmap:2.1.1 or older, or another raw scanner
sys   = @linux,@bsd,@apple
sig   = 4:255:0:0:65535,0:::0

; [s 3.0] MSS alone, ID 54321: with another ID it is a relay's too (below)
label = s:!:zmap:3.0
sys   = @linux,@bsd,@apple
sig   = 4:255:0:1460:65535,0:mss:id=54321:0

; [m git 8de8833] default and --probe-args windows (commits 76b1123, 5d90505): Windows without DF at TTL 64; and
; smallest-probes. The linux and bsd disguises are below, where they meet the systems they copy.
label = s:!:zmap:4.1 or newer, or Windows without DF
sys   = @linux,@bsd,@apple
sig   = 4:64:0:*:65535,8:mss,nop,ws,nop,nop,sok::0
; [m] as above
label = s:!:zmap:4.1 or newer, or another sender without options
sys   = @linux,@bsd,@apple
sig   = 4:64:0:1460:65535,0:mss::0

; [m Debian 12] hping3 -S, and with -y --tcp-timestamp; p0f itself sees "ack+" in half of them
label = s:!:hping3:
sys   = @linux,@bsd,@apple
sig   = 4:64:0:0:512,0::ack+:0
sig   = 4:64:0:0:512,0:nop,nop,ts:df,id+,ack+?:0

; [m 0.7.93] nping --tcp
label = s:!:nping:
sys   = @linux,@windows,@apple,@bsd
sig   = *:64:0:0:1480,0::flow:0

; [m 2.5.0] TCP() with nothing set: sequence number 0, window 8192
label = s:!:scapy:TCP() with its defaults
sys   = @linux,@windows,@apple,@bsd
sig   = *:64:0:0:8192,0::seq-:*

; [m] traceroute -T of Linux: TTL as probed, flow label over IPv6
label = s:!:traceroute:TCP
sys   = @linux
sig   = 4:255-:0:*:5840,2:mss,sok,ts,nop,ws:id-?,ecn?:0
sig   = 6:255-:0:*:5760,2:mss,sok,ts,nop,ws:ecn?,flow:0
sig   = 4:255-:0:*:5840,2:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:id-?,ecn?:0
sig   = 6:255-:0:*:5760,2:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:ecn?,flow:0

; [m Debian 12]
label = s:!:tcptraceroute:
sys   = @linux,@bsd,@apple
sig   = 4:64-:0:0:0,0:::0

; [s mirai/bot/attack_tcp.c] attack_tcp_syn leaves the window at 0, MSS 1400 to 1415, scale 6, DF set, random ID
label = s:!:Mirai:SYN flood
sys   = @linux,@embedded
sig   = 4:64:0:*:0,6:mss,sok,ts,nop,ws:df,id+,ecn?:0
sig   = 4:64:0:*:0,6:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:df,id+,ecn?:0
sig   = 4:64!:0:*:0,6:mss,sok,ts,nop,ws,?34,nop,nop:df,id+?,id-?,ecn?:*
sig   = 4:64!:0:*:0,6:mss,sok,ts,nop,ws,?30:df,id+?,id-?,ecn?:0

; replayed by an appliance (OISF/suricata-verify [c]): NetX Duo's order, never its window
label = s:!:traffic generator:(replay appliance)
sys   = @linux
sig   = *:128:0:*:32769,1:mss,ws,eol+0:id-?,ecn?,flow?:0
sig   = *:128!:0:*:32769,0:mss,nop,nop,nop,eol+0:id-?,ecn?,flow?:0

; ===================================================
; One SYN, two possible senders: the label names both
; ===================================================

; Linux with window 65535 behind something that clears DF, or zmap --probe-args linux [m git 8de8833]
label = s:linux:Linux without DF or zmap:4.1 or newer (linux probe)
sig   = 4:64:0:*:65535,7:mss,sok,ts,nop,ws:ecn?:0
sig   = 4:64:0:*:65535,7:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:ecn?:0

; Apple behind something that clears DF and sets the ID (6 of 6 browsers with MSS 1460 [c]), or zmap --probe-args bsd [m git 8de8833]
label = s:apple:macOS or iOS without DF or zmap:4.1 or newer (bsd probe)
sig   = 4:64:0:*:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1:ecn?:0
sig   = 4:64:0:*:65535,6:mss,nop,ws,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,sok,eol+1:ecn?:0
sig   = 4:64!:0:*:65535,6:mss,nop,ws,nop,nop,ts,sok,?34:id-?,ecn?:*
; without timestamps FreeBSD is the same [s tcp_addoptions]
label = s:apple:macOS or iOS:or FreeBSD, without DF and timestamps, or zmap 4.1 or newer (bsd probe)
sig   = 4:64:0:*:65535,6:mss,nop,ws,sok,eol+1:id-?,ecn?:0

; 28800 is 20 * 1440 and 225 * 2^7: gVisor at MTU 1500 over IPv6 [m], Linux 3.11 and later over IPv6 without flow label [c]
label = s:userspace:gVisor netstack or Linux:3.11 to 4.19 over IPv6 without flow label
sig   = *:64:0:*:28800,7:mss,sok,ts,nop,ws:ecn?:0

; mTCP: window 14600, scale 7, DF, ID 0 [s tcp_out.c, tcp_stream.c]; also Linux when something clears its IP ID
label = s:userspace:mTCP or Linux:2.6.39 to 3.10 with a cleared IP ID
sig   = 4:64:0:*:mss*10|14600,7:mss,sok,ts,nop,ws:df:0
; [s] the same with an ID that something on the way has set (random-id of pf)
label = s:linux:Linux:2.6.39 to 3.10 (Android 4.0 to 4.4 too), or tuned, or mTCP with an ID
sig   = 4:64:0:*:mss*10|14600,7:mss,sok,ts,nop,ws:df?,id+?,id-?,ecn?:0
sig   = 4:64!:0:*:mss*10|14600,7:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:df,id+?,ecn?:0
sig   = 4:64!:0:*:mss*10|14600,7:mss,sok,ts,nop,ws,?34,nop,nop:df,id+?,id-?,ecn?:*
sig   = 4:64:0:*:mss*10|14600,7:mss,sok,ts,nop,ws,?30:df?,id+?,id-?,ecn?:0

; Linux with tcp_timestamps=0 and tcp_window_scaling=0 [m 6.18; 65535 with tcp_rmem[1] of 256 KiB]; at TTL 64 25 of 25 browsers of this
; layout are Windows behind something that writes TTLs [c]
label = s:windows:Windows:with another TTL, or Linux 4.20 or newer without timestamps and scaling
sig   = *:64:0:*:64240|64800|mss*max,0:mss,nop,nop,sok:df,id+,ecn?,flow:0
; Apple's order where something cuts timestamps and scale out [c], and lwIP's over IPv6 [s]
label = s:windows:Windows:with another TTL, or Linux 4.20 or newer, macOS, iOS or another sender without timestamps and scaling
sig   = *:64!:0:*:65535,0:mss,nop,nop,sok:df,id+?,ecn?,flow?:0

; 32 of 36 browsers are Windows, the others unlike each other [c]: something on the way takes options away and writes TTLs. Linux with
; all options off sends it at TTL 64 [m 6.18]
label = s:windows:Windows:behind a middlebox or relay, or Linux without options
sig   = *:255:0:*:64240|64800|mss*max,0:mss:df?,id+?,id-?,ecn?,flow?:0

; ============================
; Linux without DF, flow label
; ============================
; [m 6.18] ip_no_pmtu_disc=1 or 2, auto_flowlabels=0; also what middleboxes and tunnels leave. Exact, and before gVisor,
; because some of these windows are multiples of 128 too.

label = s:linux:Linux:4.20 or newer, little memory, as of a small Linux device (plug, camera, sensor, router)
sig   = *:64:0:*:64240|64800|mss*max,0|2-5:mss,sok,ts,nop,ws:ecn?:0
label = s:linux:Linux:4.20 or newer (or updated 4.14 to 4.19)
; [m] as above
sig   = *:64:0:*:64240|64800|62720|mss*max,*:mss,sok,ts,nop,ws:ecn?:0

; windows of [m 6.8.0-31]; 32640 is 24 * 1360, which is no window of gVisor's
label = s:linux:Linux:6.6 to 6.9, or tuned
sig   = *:64:0:*:32120|33120|32640,*:mss,sok,ts,nop,ws:ecn?:0

; traceroute over IPv6 without its flow label [m] is a Linux of 2.6 [s tcp_select_initial_window]
label = s:linux:Linux:2.4 or 2.6 (to 2.6.38), or traceroute TCP
sig   = 6:64:0:*:5760,2:mss,sok,ts,nop,ws:ecn?:0
sig   = 6:64:0:*:5760,2:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:ecn?:0

; window of 19c6ea9f
label = s:linux:Linux:2.6.39 to 3.10, little memory, as of a small Linux device (plug, camera, sensor, router)
sig   = *:64:0:*:mss*10,0-5:mss,sok,ts,nop,ws:ecn?:0
; [c] as above
label = s:linux:Linux:2.6.39 to 3.10 (Android 4.0 to 4.4 too), or tuned
sig   = *:64:0:*:mss*10,*:mss,sok,ts,nop,ws:ecn?:0

; 26bf7456 (2.6.15 over IPv6, MSS 1420, window 5680)
label = s:linux:Linux:2.4 or 2.6 (to 2.6.38), little memory, as of a small Linux device (plug, camera, sensor, router)
sig   = *:64:0:*:mss*4,1:mss,sok,ts,nop,ws:ecn?:0
; [c] as above
label = s:linux:Linux:2.4 or 2.6 (to 2.6.38)
sig   = *:64:0:*:mss*4,*:mss,sok,ts,nop,ws:ecn?:0
sig   = 6:64:0:*:5680,*:mss,sok,ts,nop,ws:ecn?:0

; =========================
; TCP outside of the kernel
; =========================

; [m package of 2024-07] window 20 * MSS rounded down to 2^scale; scale 7 with 4 or 6 MiB of receive buffer, 8 with 8 MiB.
; No DF, ID not 0, no flow label. In gVisor, Tailscale in user space, WireGuard netstack, sing-box, tun2socks.
label = s:userspace:gVisor netstack:(gVisor, Tailscale, user-space WireGuard)
sig   = *:64:0:*:%128,7:mss,sok,ts,nop,ws::0
sig   = *:64:0:*:%256,8:mss,sok,ts,nop,ws::0

; Fast Open and Multipath TCP behind something that clears DF [m 6.18 with DF]: the stacks above ask for neither
label = s:linux:Linux:4.20 or newer without DF or flow label
sig   = *:64!:0:*:64240|64800|mss*max,*:mss,sok,ts,nop,ws,?34,nop,nop:ecn?:*
sig   = *:64!:0:*:64240|64800|mss*max,*:mss,sok,ts,nop,ws,?30:ecn?:0

; After gVisor, whose window over IPv6 it shares; smaller multiples than 20 are never gVisor's.

; 6ef52bf0 [c]: over IPv6 without flow label, as before automatic flow labels
label = s:linux:Linux:3.11 to 4.19, little memory, as of a small Linux device (plug, camera, sensor, router), or Android
sig   = *:64:0:*:mss*20,0-5:mss,sok,ts,nop,ws:ecn?:0
; [c] as above
label = s:linux:Linux:3.11 to 4.19 (Android too), or tuned
sig   = *:64:0:*:mss*20|43690,*:mss,sok,ts,nop,ws:ecn?:0

; [s socket/tcp.rs, wire/ipv4.rs, 2026-08] scale from 0, DF, ID 0; without and with timestamps. 17 SYNs of phones [c]: a VPN app with
; this stack, or a stack like it
label = s:userspace:smoltcp:(small device, or a VPN app of a phone)
sig   = *:64:0:*:*,*:mss,ws,sok,eol+2:df,ecn?,flow?:0
sig   = *:64:0:*:*,*:mss,ws,sok,ts,eol+0:df,ecn?,flow?:0

; =====
; Linux
; =====
; Window [m, s tcp_select_initial_window]: the initial value of the generation rounded down to a multiple of the MSS. Since 4.20
; the largest N with N * MSS up to 65535 (commit a337531b942b): mss*max. Scale: from the larger of tcp_rmem[2] and rmem_max,
; floor(log2) - 15; 7 from about 600 MiB of memory, 6 at 512, 5 at 256, 4 at 128 [m]. Scales up to 5 with a full window of the
; generation are devices (19 of 63 devices, none of the PCs and phones [c]), and programs with a small SO_RCVBUF [m 6.18].
;
; The layouts behind each generation: as sent; tcp_timestamps=0 [m]; timestamps cut out on the way, and NOP written over them
; (155 and 285 SYNs of Android and Linux [c]); and the rarer ones.

; 64240 with scale 1: 72c64660, e0e3594d (port of Google's push service, before 2013) [c]; SO_RCVBUF 64 KiB [m 6.18]
label = s:linux:Linux:(Android before 2013, or a program with a small receive buffer)
sig   = *:64:0:*:64240|64800|mss*max,1:mss,sok,ts,nop,ws:df,id+,ecn?,flow:0

; SO_RCVBUF 4 KiB: 2920, scale 0; tcp_rmem[1] 16384 and 32768: 7300 and 16060; route window 16384, TCP_WINDOW_CLAMP 8192 [m 6.18];
; 32120 and 2920 with scale 0: programs of set-top boxes and hubs [c]
label = s:linux:Linux:(a program or setting with a small receive buffer)
sig   = *:64:0:*:mss*2|mss*5|mss*11|mss*22,0:mss,sok,ts,nop,ws:df,id+,ecn?,flow:0
sig   = *:64:0:*:mss*5|mss*11,7:mss,sok,ts,nop,ws:df,id+,ecn?,flow:0

; [m] 5 at 256 MiB of memory, 4 at 128; 3: a camera (NEU-SNS/IoTLS and others [c])
label = s:linux:Linux:4.20 or newer, little memory, as of a small Linux device (plug, camera, sensor, router)
sig   = *:64:0:*:64240|64800|mss*max,0|2-5:mss,sok,ts,nop,ws:df,id+,ecn?,flow:0
sig   = *:64:0:*:64240|64800|mss*max,0|2-5:mss,nop,nop,sok,nop,ws:df,id+,ecn?,flow?:0
sig   = *:64!:0:*:64240|64800|mss*max,0|2-5:mss,sok,nop,nop,nop,ws:df,id+,ecn?,flow:0
sig   = *:64!:0:*:64240|64800|mss*max,0|2-5:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:df,id+,ecn?,flow:0

; 6.16 and later: tcp_rmem[2] of 32 MiB (commit 572be9bf9d0d), scale 8 at 2 GiB of memory, 9 at 4, 10 at 8 and more
; [m 6.17, 7.0, 7.2]; older systems tuned to 16 MiB and more look the same [m 6.18 rmem max; 61360ff0 of 2020], and so do phones:
; 37 of 55 such clients are Android with older kernels [c]. tcp_ecn=1, and 3 (Accurate ECN) [m 6.17, 7.0, 7.2]
label = s:linux:Linux:4.20 or newer (Android, tuned, or 6.16 or newer)
sig   = *:64:0:*:64240|64800|mss*max|62727|62720,8-10:mss,sok,ts,nop,ws:df,id+,ecn?,flow:0
sig   = *:64:0:*:64240|64800|mss*max,8-10:mss,nop,nop,sok,nop,ws:df,id+,ecn?,flow?:0
sig   = *:64!:0:*:64240|64800|mss*max,8-10:mss,sok,nop,nop,nop,ws:df,id+,ecn?,flow:0
sig   = *:64!:0:*:64240|64800|mss*max,8-10:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:df,id+,ecn?,flow:0
; a client that repeats its SYN leaves Fast Open and Multipath TCP out, and keeps its label
sig   = *:64!:0:*:64240|64800|mss*max,8-10:mss,sok,ts,nop,ws,?34,nop,nop:df,id+,ecn?,flow:*
sig   = *:64!:0:*:64240|64800|mss*max,8-10:mss,sok,ts,nop,ws,?30:df,id+,ecn?,flow:0

; tcp_sack=0, tcp_timestamps=0, window scaling off, and combinations [m 6.18]; the same of Windows whose options something took away:
; over IPv6 the hop limit does not tell them apart, over IPv4 not where it is written
label = s:linux:Linux:4.20 or newer, or Windows 10 or newer without some options
sig   = *:64!:0:*:64240|64800|mss*max,8:mss,nop,ws:df,id+,ecn?,flow:0
sig   = *:64!:0:*:64240|64800|mss*max,0:mss,sok,ts:df,id+,ecn?,flow:0
sig   = *:64!:0:*:64240|64800|mss*max,0:mss,nop,nop,ts:df,id+,ecn?,flow:0
sig   = *:64!:0:*:64240|64800|mss*max,0:mss:df,id+,ecn?,flow:0

; 4.20 to 6.5, and 6.10 and later with scale 7 or less [m 5.0 to 7.2 on 15 distribution kernels]; 4.14 and 4.19 stable
; kernels from the end of 2019 and Ubuntu's 4.15.0-142 [m] have the change too; loopback (65495, 65476) [m 6.18], 6.1 in f27daf27
label = s:linux:Linux:4.20 or newer (or updated 4.14 to 4.19)
sig   = *:64:0:*:64240|64800|mss*max,*:mss,sok,ts,nop,ws:df,id+,ecn?,flow:0
; jumbo frames with the MSS lowered on the way: MTU 9001, 9000, 8996, 8896, 8500 over IPv4, then IPv6 [m 6.18 for 9001, 8996,
; 8500; by the rule for the others]; route advmss 536: 122 * 536 [m 6.18]
sig   = *:64:0:*:62727|62720|62692|61992|59220|62587|62580|62552|61852|59080|65392,*:mss,sok,ts,nop,ws:df,id+,ecn?,flow:0
sig   = *:64:0:*:64240|64800|mss*max|62727|62720,*:mss,nop,nop,sok,nop,ws:df,id+,ecn?,flow?:0
sig   = *:64!:0:*:64240|64800|mss*max,*:mss,sok,nop,nop,nop,ws:df,id+,ecn?,flow:0
sig   = *:64!:0:*:64240|64800|mss*max,*:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:df,id+,ecn?,flow:0
; tcp_sack=0; with timestamps off too [m 6.18]
sig   = *:64:0:*:64240|64800|mss*max,*:mss,nop,nop,ts,nop,ws:df,id+,ecn?,flow:0
sig   = *:64!:0:*:64240|64800|mss*max,*:mss,nop,ws:df,id+,ecn?,flow:0
; TCP Fast Open: request, then cookie with data; Multipath TCP [m 6.18]
sig   = *:64!:0:*:64240|64800|mss*max,*:mss,sok,ts,nop,ws,?34,nop,nop:df,id+,ecn?,flow:*
sig   = *:64!:0:*:64240|64800|mss*max,*:mss,sok,ts,nop,ws,?30:df,id+,ecn?,flow:0

; 6.6 to 6.9 before May 2024 (commits dfa2f0483360, cured by 697a6c8cec03): 33280 rounded down [m 6.8.0-31; 066e7d23];
; newer kernels with tcp_rmem[1] 65536 give 32120 and 31680 [m 6.18]
label = s:linux:Linux:6.6 to 6.9, or tuned
sig   = *:64:0:*:32120|33120|33280,4-7:mss,sok,ts,nop,ws:df,id+,ecn?,flow:0
sig   = *:64:0:*:mss*22|mss*23|mss*24|mss*26|mss*27,7:mss,sok,ts,nop,ws:df,id+,ecn?,flow:0
sig   = *:64:0:*:32120|33120,7:mss,nop,nop,sok,nop,ws:df,id+,ecn?,flow?:0
sig   = *:64!:0:*:32120|33120,7:mss,sok,nop,nop,nop,ws:df,id+,ecn?,flow:0
sig   = *:64!:0:*:32120|33120,7:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:df,id+,ecn?,flow:0

; scale 3 and 5: hubs and speakers, kernels 3.14 and 4.4.22 by DHCP [c]; 5 at 256 MiB [m]; Android's UMTS values give 5 too [m 4.18]
label = s:linux:Linux:3.11 to 4.19, little memory, as of a small Linux device (plug, camera, sensor, router), or Android
sig   = *:64:0:*:mss*20,0-5:mss,sok,ts,nop,ws:df,id+,ecn?,flow:0
sig   = *:64:0:*:mss*20,0-5:mss,nop,nop,sok,nop,ws:df,id+,ecn?,flow?:0
sig   = *:64!:0:*:mss*20,0-5:mss,sok,nop,nop,nop,ws:df,id+,ecn?,flow:0
sig   = *:64!:0:*:mss*20,0-5:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:df,id+,ecn?,flow:0

; 3.11 to 4.19 as released [m 4.4, 4.15.0-20, 4.18; 00e9ff70]: 20 segments; route initrwnd 20 on newer ones [m 6.18].
; Android kernels to 4.19 without Google's patch are the same, with scale 5, 6, 8 or 9 by network [m 4.4, 4.18].
label = s:linux:Linux:3.11 to 4.19 (Android too), or tuned
sig   = *:64:0:*:mss*20,*:mss,sok,ts,nop,ws:df,id+,ecn?,flow:0
; windows of MTU 1480, 1492, 1472, 1460, 1450, 1420, 1400 with a lowered MSS (that of 1500 is mss*20 again)
sig   = *:64:0:*:28800|29040|28640|28400|28200|27600|27200,*:mss,sok,ts,nop,ws:df,id+,ecn?,flow:0
; jumbo frames: max(20 * 1460 / MSS, 2) = 3 segments [s tcp_default_init_rwnd], MTU 9001, 9000, 8951 (385d329b), 8500
sig   = *:64:0:*:26883|26880|26733|25380,*:mss,sok,ts,nop,ws:df,id+,ecn?,flow:0
; loopback 3.x to 4.19: 43690 [c ed5ab3e1, 3a6598a1 and more]
sig   = *:64:0:*:43690,*:mss,sok,ts,nop,ws:df,id+,ecn?,flow:0
; timestamps off (931b2252); SACK off; window scaling off too [s same tcp_syn_options]; timestamps removed on the way
sig   = *:64:0:*:mss*20,*:mss,nop,nop,sok,nop,ws:df,id+,ecn?,flow?:0
sig   = *:64!:0:*:mss*20,*:mss,sok,nop,nop,nop,ws:df,id+,ecn?,flow:0
sig   = *:64!:0:*:mss*20,*:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:df,id+,ecn?,flow:0
sig   = *:64!:0:*:mss*20,*:mss,nop,nop,ts,nop,ws:df,id+,ecn?,flow:0
sig   = *:64!:0:*:mss*20,*:mss,nop,ws:df,id+,ecn?,flow:0
sig   = *:64!:0:*:mss*20,0:mss,sok,ts:df,id+,ecn?,flow:0
sig   = *:64:0:*:mss*20,0:mss,nop,nop,sok:df,id+,ecn?,flow:0
; Fast Open with the experimental kind: e140d967 (request), b3ed888b (cookie and data) [c]
sig   = *:64!:0:*:mss*20,*:mss,sok,ts,nop,ws,?254:df,id+,ecn?,flow:*
sig   = *:64!:0:*:mss*20,*:mss,sok,ts,nop,ws,?34,nop,nop:df,id+,ecn?,flow:*

; scale 1, 3 and 4: doorbell and cameras, one of them with MSS 1160 (NEU-SNS/IoTLS and others [c]); 5907f404
label = s:linux:Linux:2.6.39 to 3.10, little memory, as of a small Linux device (plug, camera, sensor, router)
sig   = *:64:0:*:mss*10,0-5:mss,sok,ts,nop,ws:df,id+,ecn?,flow:0
sig   = *:64:0:*:mss*10,0-5:mss,nop,nop,sok,nop,ws:df,id+,ecn?,flow?:0
sig   = *:64!:0:*:mss*10,0-5:mss,sok,nop,nop,nop,ws:df,id+,ecn?,flow:0
sig   = *:64!:0:*:mss*10,0-5:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:df,id+,ecn?,flow:0
sig   = *:64:0:*:11600,3:mss,sok,ts,nop,ws:df,id+,ecn?,flow:0

; 19c6ea9f (scale 6): 10 segments; route initrwnd 10 on newer ones [m 6.18]; phones and tablets with Android 4.0 to 4.4 [c]
label = s:linux:Linux:2.6.39 to 3.10 (Android 4.0 to 4.4 too), or tuned
sig   = *:64:0:*:mss*10,*:mss,sok,ts,nop,ws:df,id+,ecn?,flow:0
sig   = *:64:0:*:mss*10,*:mss,nop,nop,sok,nop,ws:df,id+,ecn?,flow?:0
sig   = *:64!:0:*:mss*10,*:mss,sok,nop,nop,nop,ws:df,id+,ecn?,flow:0
sig   = *:64!:0:*:mss*10,*:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:df,id+,ecn?,flow:0
; out-of-tree Multipath TCP v0: b58ba41e
sig   = *:64:0:*:mss*10,*:mss,sok,ts,nop,ws,?30:df,id+,ecn?,flow:0

; scale 1: eight devices of six makers with kernels 2.6.21 and 2.6.31 where stated, some without timestamps [c]
label = s:linux:Linux:2.4 or 2.6 (to 2.6.38), little memory, as of a small Linux device (plug, camera, sensor, router)
sig   = *:64:0:*:mss*4,1:mss,sok,ts,nop,ws:df,id+,ecn?,flow?:0
sig   = *:64:0:*:mss*4,1:mss,nop,nop,sok,nop,ws:df,id+,ecn?,flow?:0
sig   = *:64!:0:*:mss*4,1:mss,sok,nop,nop,nop,ws:df,id+,ecn?,flow?:0
sig   = *:64!:0:*:mss*4,1:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:df,id+,ecn?,flow?:0

; 4 segments: 34b7d4db (2.4, scale 0), 42ee9c23 (2.6.31, scale 6); loopback of 2.6.11 with MSS 16396
label = s:linux:Linux:2.4 or 2.6 (to 2.6.38)
sig   = *:64:0:*:mss*4,*:mss,sok,ts,nop,ws:df,id+,ecn?,flow?:0
sig   = *:64:0:*:mss*4,*:mss,nop,nop,sok,nop,ws:df,id+,ecn?,flow?:0
sig   = *:64!:0:*:mss*4,*:mss,sok,nop,nop,nop,ws:df,id+,ecn?,flow?:0
sig   = *:64!:0:*:mss*4,*:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:df,id+,ecn?,flow?:0
sig   = *:64:0:*:32767|32792,*:mss,sok,ts,nop,ws:df,id+,ecn?:0

; Window 65535, no multiple of the MSS: Android sets tcp_rmem[1] to 512 KiB and more for each network (AOSP
; TCP_BUFFER_SIZES_*, config_wifi_tcp_buffers; [m 5.4, 6.1 with these values] scale 5 to 9), older ones by Google's patch
; tcp_default_init_rwnd 60 (fdf14b0c, 4cd03526); any Linux since 4.20 with tcp_rmem[1] of 256 KiB and more [m 6.18], or a
; program with SO_RCVBUF of 1 MiB [m]. mss*29 (200,302 of 200,302 flows of a public collection) to mss*34: Android with scale 7 to
; 10 [c]; tcp_rmem[1] of 87380 gives mss*29 and 30, initrwnd 30 mss*30 [m 6.18]
label = s:linux:Linux:(Android or tuned)
sig   = *:64:0:*:65535,*:mss,sok,ts,nop,ws:df,id+,ecn?,flow:0
sig   = *:64:0:*:mss*29|mss*30|mss*31|mss*32|mss*33|mss*34,6-10:mss,sok,ts,nop,ws:df,id+,ecn?,flow:0
; DF or flow label cleared on the way
sig   = *:64:0:*:65535,*:mss,sok,ts,nop,ws:ecn?:0
sig   = *:64:0:*:65535,5-10:mss,nop,nop,sok,nop,ws:df,id+,ecn?,flow?:0
sig   = *:64!:0:*:65535,5-10:mss,sok,nop,nop,nop,ws:df,id+,ecn?,flow:0
sig   = *:64!:0:*:65535,5-10:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:df,id+,ecn?,flow:0
sig   = *:64!:0:*:mss*29|mss*30|mss*31|mss*32|mss*33|mss*34,6-10:mss,sok,nop,nop,nop,ws:df,id+,ecn?,flow:0
sig   = *:64!:0:*:mss*29|mss*30|mss*31|mss*32|mss*33|mss*34,6-10:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:df,id+,ecn?,flow:0
; Multipath TCP [c]; Fast Open [s same tcp_options_write]
sig   = *:64!:0:*:65535,*:mss,sok,ts,nop,ws,?30:df,id+,ecn?,flow:0
sig   = *:64!:0:*:65535,*:mss,sok,ts,nop,ws,?34,nop,nop:df,id+,ecn?,flow:*

; OpenBSD's order without timestamps is Linux's [s tcp_output.c], its window no multiple of an MSS as Linux's are [m]
label = s:bsd:OpenBSD or Linux:without timestamps
sig   = *:64:0:*:16384,*:mss,nop,nop,sok,nop,ws:df,id+,ecn?,flow?:0
sig   = *:64!:0:*:16384,*:mss,nop,nop,sok,nop,ws,?34,nop,nop:df,id+,ecn?,flow?:*
sig   = *:64!:0:*:16384,*:mss,nop,nop,sok,nop,ws,?30:df,id+,ecn?,flow?:0

; Option order, DF and an ID together are Linux's alone [m 4.4 to 7.2]; the window is then tuned: tcp_rmem, initrwnd, route
; window, TCP_WINDOW_CLAMP, SO_RCVBUF [m 6.18]
label = g:linux:Linux:
sig   = *:64:0:*:*,*:mss,sok,ts,nop,ws:df,id+,ecn?,flow:0
sig   = *:64:0:*:*,*:mss,nop,nop,sok,nop,ws:df,id+,ecn?,flow?:0
sig   = *:64!:0:*:*,*:mss,sok,nop,nop,nop,ws:df,id+,ecn?,flow:0
sig   = *:64!:0:*:*,*:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:df,id+,ecn?,flow:0
sig   = *:64!:0:*:*,*:mss,sok,ts,nop,ws,?34,nop,nop:df,id+,ecn?,flow:*
sig   = *:64!:0:*:*,*:mss,sok,ts,nop,ws,?254:df,id+,ecn?,flow:*
sig   = *:64!:0:*:*,*:mss,sok,ts,nop,ws,?30:df,id+,ecn?,flow:0
; the same options together (a capture in mozillazg/ptcpdump pull request 159 [c]) and without timestamps [s tcp_options_write]
sig   = *:64!:0:*:*,*:mss,sok,ts,nop,ws,?34,nop,nop,?30:df,id+,ecn?,flow:*
sig   = *:64!:0:*:*,*:mss,nop,nop,sok,nop,ws,?34,nop,nop:df,id+,ecn?,flow:*
sig   = *:64!:0:*:*,*:mss,nop,nop,sok,nop,ws,?30:df,id+,ecn?,flow:0

; =======
; Windows
; =======
; TTL 128, DF, ID not 0, no timestamps unless turned on. Over IPv6 the hop limit is the router's, mostly 64; between neighbours 128
; (NEU-SNS/IoTLS [c]). Tunnels clear the flow label. ECN is on in many servers: CWR, ECE and ECT(0) (a2795bfb and 13 more).

; 0acb34f5, 16263605 (User-Agent Windows NT 10.0), a2795bfb (NTLM version 10.0.17763, ECN on); 65535 in 701bcbba; IPv6: d63e306f,
; cda0f599, c950a3c1 [c]. The window is the largest multiple of the MSS; also 17520 = 12 * 1460 and 65518 [c]. 10, 11 and the servers
; since 2016 cannot be told apart. Last: timestamps turned on (72 of 74 browsers [c]), multiples of MSS - 12, also behind something
; that writes TTLs.
label = s:windows:Windows:10 or newer, or Server 2016 or newer
sig   = 4:128:0:*:64240|64800|65535|17520|65518|mss*max,8:mss,nop,ws,nop,nop,sok:df,id+,ecn?:0
sig   = 6:64:0:*:64240|64800|65535|17520|65518|mss*max,8:mss,nop,ws,nop,nop,sok:ecn?,flow?:0
sig   = 6:128:0:*:64240|64800|65535|17520|65518|mss*max,8:mss,nop,ws,nop,nop,sok:ecn?,flow?:0
sig   = 4:128:0:*:64240|64800|mss*max,8:mss,nop,ws,sok,ts:df,id+,ecn?:0
sig   = 6:64:0:*:64240|64800|mss*max,8:mss,nop,ws,sok,ts:ecn?,flow?:0
sig   = 6:128:0:*:64240|64800|mss*max,8:mss,nop,ws,sok,ts:ecn?,flow?:0

; 399b9a39, 5b7d82d7 (7), b8d19204, 888c0e94 (8.1); with ECN to Server 2016 [c 96025fff and more]; IPv6: 5b7b7e7c [c]; scale 2:
; 06a7bd8f, 54d0c51d, 52daf28e (7), and 141 SYNs of 8 and 10 [c]; with timestamps [c]; without scaling, as the third SYN of a
; connection has it: 6e29c8aa (7) and [c]
label = s:windows:Windows:Vista to 10, or Server 2008 to 2016
sig   = 4:128:0:*:8192,2|8:mss,nop,ws,nop,nop,sok:df,id+,ecn?:0
sig   = 6:64:0:*:8192,2|8:mss,nop,ws,nop,nop,sok:ecn?,flow?:0
sig   = 6:128:0:*:8192,2|8:mss,nop,ws,nop,nop,sok:ecn?,flow?:0
sig   = 4:128:0:*:8192,2|8:mss,nop,ws,sok,ts:df,id+,ecn?:0
sig   = 6:64:0:*:8192,2|8:mss,nop,ws,sok,ts:ecn?,flow?:0
sig   = 6:128:0:*:8192,2|8:mss,nop,ws,sok,ts:ecn?,flow?:0
sig   = 4:128:0:*:8192,0:mss,nop,nop,sok:df,id+,ecn?:0
sig   = 6:64:0:*:8192,0:mss,nop,nop,sok:ecn?,flow?:0
sig   = 6:128:0:*:8192,0:mss,nop,nop,sok:ecn?,flow?:0

; [c] browsers of both. Exact only: lwIP has this window without DF. Apple's order is the same where something cuts its timestamps out,
; and lwIP's over IPv6 with another TTL [s]
label = s:windows:Windows:7 or 10, or macOS 10.5 to 10.7 without timestamps, or lwIP
sig   = 4:128!:0:*:65535,3:mss,nop,ws,nop,nop,sok:df,id+,ecn?:0
sig   = 6:64!:0:*:65535,3:mss,nop,ws,nop,nop,sok:ecn?,flow?:0
sig   = 6:128!:0:*:65535,3:mss,nop,ws,nop,nop,sok:ecn?,flow?:0

; 4e9c188b, c04a3b2f (User-Agent Windows NT 5.2, TTL 64 on the wire); scale 2: 3faeafb2 [c]
; macOS 10.5 to 10.7 is the same where something cuts its timestamps out
label = s:windows:Windows:XP x64 or Server 2003, or macOS 10.5 to 10.7 without timestamps
sig   = 4:128!:0:*:65535,1|2:mss,nop,ws,nop,nop,sok:df,id+,ecn?:0
sig   = 4:64:0:*:65535,1|2:mss,nop,ws,nop,nop,sok:df,id+,ecn?:0

; 0bf8de8b, f47e9fd5 (XP); browsers of all versions to 10, servers included [c]. Apple's order is the same where something cuts timestamps
; and scale out and writes the TTL
label = s:windows:Windows:2000 to 10, servers included (scaling off), or another sender with another TTL
sig   = 4:128!:0:*:65535,0:mss,nop,nop,sok:df,id+,ecn?:0
sig   = 6:128!:0:*:65535,0:mss,nop,nop,sok:ecn?,flow?:0

; zmap's disguise [m git 8de8833] and lwIP [s] without scaling are the same
label = s:windows:Windows:2000 to 10 without DF or ID, or another sender (scaling off)
sig   = 4:128!:0:*:65535,0:mss,nop,nop,sok:df?,id-?,ecn?:0

; a Beckhoff controller (ITI/ICS-Security-Tools [c]); XP with a receive buffer of 32 KiB is the same
label = s:windows:Windows:CE, or XP with another receive buffer
sig   = 4:128:0:*:32768,0:mss,nop,nop,sok:df,id+,ecn?:0

; OpenBSD's window and order without timestamps and scaling [s tcp_output.c]
label = s:windows:Windows:2000 or XP with another TTL, or OpenBSD without timestamps and scaling
sig   = 4:64!:0:*:16384,0:mss,nop,nop,sok:df,id+?,ecn?:0

; 5ab855ab, 1cb33d25; OpenBSD as above
label = s:windows:Windows:2000 or XP, or another sender with another TTL
sig   = 4:128:0:*:16384,0:mss,nop,nop,sok:df,id+,ecn?:0

; c5562137, 0b4f4a99 (64512), 20499a8e (8760); RFC 1323 options turned on: e6898d2c
label = s:windows:Windows:2000 or XP
sig   = 4:128:0:*:64512|8760,0:mss,nop,nop,sok:df,id+,ecn?:0
sig   = 4:128:0:*:65535,3:mss,nop,ws,nop,nop,ts,nop,nop,sok:df,id+,ts1-?:0

; SO_RCVBUF sets window and scale: 51200 with scale 0 (7; the third SYN has no scale), 63443 scale 6, 8192 scale 4, 64240 scale 9,
; 32768 scale 0 [c]
label = s:windows:Windows:(a program with its own receive buffer)
sig   = 4:128!:0:*:51200|32768,0:mss,nop,ws,nop,nop,sok:df,id+,ecn?:0
sig   = 6:64!:0:*:51200|32768,0:mss,nop,ws,nop,nop,sok:ecn?,flow?:0
sig   = 6:128!:0:*:51200|32768,0:mss,nop,ws,nop,nop,sok:ecn?,flow?:0
sig   = 4:128!:0:*:63443,6:mss,nop,ws,nop,nop,sok:df,id+,ecn?:0
sig   = 6:64!:0:*:63443,6:mss,nop,ws,nop,nop,sok:ecn?,flow?:0
sig   = 6:128!:0:*:63443,6:mss,nop,ws,nop,nop,sok:ecn?,flow?:0
sig   = 4:128!:0:*:8192,4:mss,nop,ws,nop,nop,sok:df,id+,ecn?:0
sig   = 6:64!:0:*:8192,4:mss,nop,ws,nop,nop,sok:ecn?,flow?:0
sig   = 6:128!:0:*:8192,4:mss,nop,ws,nop,nop,sok:ecn?,flow?:0
sig   = 4:128!:0:*:64240|64800,9:mss,nop,ws,nop,nop,sok:df,id+,ecn?:0
sig   = 6:64!:0:*:64240|64800,9:mss,nop,ws,nop,nop,sok:ecn?,flow?:0
sig   = 6:128!:0:*:64240|64800,9:mss,nop,ws,nop,nop,sok:ecn?,flow?:0
sig   = 4:128!:0:*:51200,0:mss,nop,nop,sok:df,id+,ecn?:0
sig   = 6:64!:0:*:51200,0:mss,nop,nop,sok:ecn?,flow?:0
sig   = 6:128!:0:*:51200,0:mss,nop,nop,sok:ecn?,flow?:0

; Without scaling 64240: 0caa781c, 2af8de8f, 1453b589, with ECN 10 of 10 [c]; the third SYN of a connection has no scale
; (7 [c]). Linux with
; tcp_timestamps=0 and tcp_window_scaling=0 [m 6.18] is the same but for its TTL
label = s:windows:Windows:2000 or newer (scaling off, or a repeated SYN), or Linux with another TTL
sig   = 4:128!:0:*:64240|64800|mss*max,0:mss,nop,nop,sok:df?,id+?,id-?,ecn?:0
sig   = 6:64!:0:*:64240|64800|mss*max,0:mss,nop,nop,sok:ecn?:0
sig   = 6:128!:0:*:64240|64800|mss*max,0:mss,nop,nop,sok:ecn?,flow?:0

; Apple's window and scales, timestamps cut out and the TTL written [c] as above
label = g:windows:Windows:or another sender with another TTL
sig   = *:128!:0:*:65535,0-7:mss,nop,ws,nop,nop,sok:df?,id+?,id-?,ecn?,flow?:0
; windows of Linux, lwIP and FreeRTOS without scaling [s], and of HP's devices without timestamps [c], the TTL written
sig   = *:128!:0:*:8568,0:mss,nop,ws,nop,nop,sok:df?,id+?,id-?,ecn?,flow?:0
sig   = *:128!:0:*:mss*4|mss*10|mss*20|5760|5840,0:mss,nop,nop,sok:df,id+,ecn?,flow?:0

; Layout, DF and ID together are Windows' alone [c]. Any window and scale only at Windows' own TTL: at others relays have this layout.
label = g:windows:Windows:
sig   = 4:128:0:*:*,8:mss,nop,ws,nop,nop,sok:df,id+,ecn?:0
sig   = 6:64:0:*:*,8:mss,nop,ws,nop,nop,sok:ecn?,flow:0
sig   = 4:128:0:*:64240|64800|8192,*:mss,nop,ws,nop,nop,sok:df,id+,ecn?:0
sig   = 6:64!:0:*:64240|64800|8192,*:mss,nop,ws,nop,nop,sok:ecn?,flow?:0
sig   = 6:128!:0:*:*,*:mss,nop,ws,nop,nop,sok:ecn?,flow:0
sig   = 6:128!:0:*:*,1-14:mss,nop,ws,nop,nop,sok:ecn?:0
sig   = 4:128!:0:*:*,*:mss,nop,ws,nop,nop,sok:df,id+,ecn?:0
sig   = 4:128!:0:*:*,0:mss,nop,nop,sok:df,id+,ecn?:0
sig   = 4:128!:0:*:*,*:mss,nop,ws,nop,nop,ts,nop,nop,sok:df,id+,ecn?,ts1-?:0

; =====
; Apple
; =====
; xnu-1228 to xnu-11417 [s]: window 65535 always; scale from the largest receive buffer; ID 0 since xnu-4570 (10.13);
; flow label since 10.10; ECN tried on most connections, so both forms. macOS and iOS share the stack: no label says one.
; Something on the way writes NOP over the timestamps (182 SYNs) or cuts them out (about 100 of 119) [c].

; scale 6: 2 MiB (10.14, 10.15, iOS 11), 4 MiB (11 and later with 4 GiB of memory): 1ec8e38f, d5a8dffa, 880ac192; an iPhone with iOS 13
; (ntop/nDPI [c])
label = s:apple:macOS:10.14 or newer, or iOS 14 or newer (some 11 and 13)
sig   = *:64:0:*:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1:df,ecn?,flow:0
sig   = *:64:0:*:65535,6:mss,nop,ws,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,sok,eol+1:df,ecn?,flow?:0

; DF clear with ID 0: ae933aac, 600cfbc1 (cause unknown); zmap --probe-args bsd has an ID at random [m git 8de8833], which may be 0
label = s:apple:macOS:10.14 or newer, or iOS 14 or newer, without DF, or zmap 4.1 or newer (bsd probe)
sig   = 4:64:0:*:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1:id-,ecn?:0
sig   = 4:64:0:*:65535,6:mss,nop,ws,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,sok,eol+1:id-,ecn?:0

; scale 6 with ID: 138 SYNs [c]; phones and tablets that send scale 5 with ID are 14 to 16 [c], 6 is the same with 4 GiB of memory [s]
label = s:apple:macOS:11 to 13, or iOS 14 to 16
sig   = 4:64:0:*:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+,ecn?:0
sig   = 4:64:0:*:65535,6:mss,nop,ws,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,sok,eol+1:df,id+,ecn?:0

; all of 126 SYNs of iOS 12 and 13, others send 5 or 6 [c]; server performance mode of macOS [s xnu-11215]
label = s:apple:macOS or iOS:(iOS 12 or 13, or macOS in server mode)
sig   = *:64:0:*:65535,7:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+?,ecn?,flow:0
sig   = *:64:0:*:65535,7:mss,nop,ws,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,sok,eol+1:df,id+?,ecn?,flow?:0
sig   = *:64:0:*:65535,7:mss,nop,ws,sok,eol+1:df,id+?,ecn?,flow?:0

; scale 5 [s]: 1 MiB (10.13), 2 MiB (11 and later under 4 GiB); 328cefc2, 2c6c9bcf, baddad84, tvOS [c]
label = s:apple:macOS:10.13 or newer, or iOS 14 or newer
sig   = 4:64:0:*:65535,5:mss,nop,ws,nop,nop,ts,sok,eol+1:df,ecn?:0
sig   = 4:64:0:*:65535,5:mss,nop,ws,nop,nop,ts,sok,eol+1:id-,ecn?:0
sig   = 4:64:0:*:65535,5:mss,nop,ws,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,sok,eol+1:df,ecn?:0
sig   = 4:64:0:*:65535,5:mss,nop,ws,sok,eol+1:df,ecn?:0

; IPv6 does not tell the ID: 2841e7bb (10.10), 4c8f0fed (iPhone)
label = s:apple:macOS:10.10 or newer, or iOS 8 or newer
sig   = 6:64:0:*:65535,4|5:mss,nop,ws,nop,nop,ts,sok,eol+1:ecn?,flow:0
sig   = 6:64:0:*:65535,4|5:mss,nop,ws,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,sok,eol+1:ecn?,flow?:0
sig   = 6:64:0:*:65535,5:mss,nop,ws,sok,eol+1:ecn?,flow?:0

; e76b6afc (ECN); iOS 14 to 16 [c]
label = s:apple:macOS:10.10 to 10.12, or iOS 8 to 10 or 14 to 16
sig   = 4:64:0:*:65535,5:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+,ecn?:0
sig   = 4:64:0:*:65535,5:mss,nop,ws,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,sok,eol+1:df,id+,ecn?:0
sig   = 4:64:0:*:65535,5:mss,nop,ws,sok,eol+1:df,id+,ecn?:0

; 512 KiB: 10.8, 10.9, iOS 7, and later ones with little memory: 0042200f (10.8.5); IPv6 without flow label: 3c7d1ea7
label = s:apple:macOS:10.8 to 10.12, or iOS 7 to 10
sig   = 4:64:0:*:65535,4:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+,ecn?:0
sig   = 6:64:0:*:65535,4:mss,nop,ws,nop,nop,ts,sok,eol+1::0
sig   = 4:64:0:*:65535,4:mss,nop,ws,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,sok,eol+1:df,id+,ecn?:0

; 3 by source, 1 when tuned: 011254d2, 1c00e8b8, 750ce203, 7114e062, c0225306 (IPv6)
label = s:apple:macOS:10.5 to 10.7
sig   = 4:64:0:*:65535,1|3:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+,ecn?:0
sig   = 6:64:0:*:65535,1|3:mss,nop,ws,nop,nop,ts,sok,eol+1::0

; 9b690db8: before SACK
label = s:apple:macOS:10.3 or 10.4
sig   = 4:64:0:*:65535,0:mss,nop,ws,nop,nop,ts:df,id+:0
; [c 9b690db8] as above, changed on the way
label = s:apple:macOS:10.3 or 10.4, or BSD-derived
sig   = 4:64:0:*:65535,0:mss,nop,ws,nop,nop,ts:df?,id+?,id-?,ecn?:0

; FreeBSD's order of options without timestamps is the same [s tcp_addoptions]
label = s:apple:macOS or iOS:without timestamps, or FreeBSD
sig   = *:64:0:*:65535,0-4|6|8-10:mss,nop,ws,sok,eol+1:df,id+?,ecn?,flow?:0

; the eighth SYN of a connection (Mac with 10.10.5, 30 of 100) or the eleventh (Apple TV, 197) has fewer options [c]
label = s:apple:macOS or iOS:(repeated SYN), or another sender without timestamps and scaling
sig   = *:64:0:*:65535,0:mss,sok,eol+1:df,id+?,ecn?,flow?:0
sig   = 4:64:0:*:65535,0:mss,sok,eol+1:id-,ecn?:0

; Layout and window together are Apple's (and zmap's, above). Multipath TCP puts its option between scale and timestamps
; [s mptcp_setup_syn_opts]
label = g:apple:macOS or iOS:
sig   = *:64:0:*:65535,*:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+?,ecn?,flow:0
; DF or flow label cleared on the way
sig   = *:64:0:*:65535,*:mss,nop,ws,nop,nop,ts,sok,eol+1:id-?,ecn?:0
sig   = *:64!:0:*:65535,*:mss,nop,ws,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,sok,eol+1:df,id+?,ecn?,flow?:0
sig   = *:64:0:*:65535,*:mss,nop,ws,?30,nop,nop,ts,sok,eol+1:df,id+?,ecn?,flow?:0
; TCP Fast Open behind SACK-permitted [s]
sig   = *:64!:0:*:65535,*:mss,nop,ws,nop,nop,ts,sok,?34:df?,id+?,id-?,ecn?,flow?:*

; ===
; BSD
; ===

; Nintendo Switch (ntop/nDPI [c]): FreeBSD's order, window 32768
label = s:bsd:Nintendo Switch or FreeBSD:with another receive buffer
sig   = *:64:0:*:32768,6:mss,nop,ws,sok,ts:df?,id+?,id-?,ecn?,flow?:0

; tcp_addoptions, tcp_connect [s]: window min(65536, 65535), scale 6 from sb_max 2 MiB; ip_rfc6864 clears the ID since 11;
; 677c639c (Accurate ECN). Systems made of FreeBSD's stack (F-Stack) are the same.
label = s:bsd:FreeBSD:11 or newer
sig   = 4:64:0:*:65535,6:mss,nop,ws,sok,ts:df,ecn?:0

; 24f3c290 [c]
label = s:bsd:FreeBSD:9 or 10
sig   = 4:64:0:*:65535,6:mss,nop,ws,sok,ts:df,id+,ecn?:0

; 054eefa7 and more [c]; DF or flow label cleared on the way
label = s:bsd:FreeBSD:9 or newer
sig   = *:64:0:*:65535,6:mss,nop,ws,sok,ts:id-?,ecn?,flow?:0

; kern.ipc.maxsockbuf of 1 to 16 MiB, and of 256 KiB as before 9: the smallest scale with 65535 * 2^scale at least that much
; [s tcp_connect]
label = g:bsd:FreeBSD:
sig   = *:64:0:*:65535,3|5|7-9:mss,nop,ws,sok,ts:df?,id+?,id-?,ecn?,flow?:0

; PlayStation 3 (hashsploit/packet-captures, NagatoDEV and others [c]): NetBSD's order, window 65535, scale 0
label = s:bsd:PlayStation 3:(NetBSD-derived)
sig   = 4:64:0:*:65535,0:mss,nop,ws,sok,nop,nop,nop,nop,ts:df?,id+?,id-?,ecn?,ts1-?:0

; 1185a41d, da1181e1 (ftp.NetBSD.org, IPv4 and IPv6), 0d4d2e1b (Dell FTOS): scale by kern.sbmax, ID 0
label = s:bsd:NetBSD:
sig   = *:64:0:*:32768,*:mss,nop,ws,sok,nop,nop,nop,nop,ts:df,ecn?,flow?:0

; the order of options is NetBSD's alone [s tcp_output.c]
label = g:bsd:NetBSD:or derived from it
sig   = *:64!:0:*:*,*:mss,nop,ws,sok,nop,nop,nop,nop,ts:df?,id+?,id-?,ecn?,flow?,ts1-?:0

; tcp_output.c [s]: recvspace 16384, scale 6 from SB_MAX, 3 or 0 before; 02a7de50 (5.5, scale 0)
label = s:bsd:OpenBSD:
sig   = *:64:0:*:16384,*:mss,nop,nop,sok,nop,ws,nop,nop,ts:df?,id+?,id-?,ecn?,flow?:0
; no other stack known has the order [s tcp_output.c]
label = g:bsd:OpenBSD:(with another receive buffer)
sig   = *:64:0:*:*,*:mss,nop,nop,sok,nop,ws,nop,nop,ts:df?,id+?,id-?,ecn?,flow?:0

; =================
; Devices, networks
; =================
; Captures of named devices: NEU-SNS/IoTLS, andypitcher/IoT_Sentinel, smart-home-network-security, hashsploit/packet-captures and others.

; GainSpan GS1000 (Fitbit Aria; DHCP host name [c])
label = s:embedded:GainSpan Wi-Fi module:
sig   = 4:64:0:*:8688,0:mss,nop,ws,nop,nop,ts:id-?,ecn?:0
; six segments over IPv6 too: the module's arithmetic, and that of HP's devices (below) [c]
label = s:embedded:GainSpan Wi-Fi module:or HP device without SACK
sig   = *:64!:0:*:mss*6,0:mss,nop,ws,nop,nop,ts:df?,id+?,id-?,ecn?,flow?:0

; NEC PF5240 (arkime/arkime and others [c])
label = s:network:NEC switch:(PF5240 or like it)
sig   = *:64:0:*:2048,0:mss,nop,ws,nop,nop,ts:df?,id+?,id-?,ecn?,flow?,ts1-?:0

; PlayStation 2 (library of another game), Broadcom cable gateway (eCos), an appliance: [c] 4.4BSD's order and window
label = s:bsd:BSD-derived:(PlayStation 2, cable gateway with eCos, appliance, OpenBSD without SACK)
sig   = *:64:0:*:16384,0:mss,nop,ws,nop,nop,ts:df?,id+?,id-?,ecn?,flow?:0

; 4.4BSD's order before SACK [s tcp_output.c]; 79f87cf8 (KAME, window 8192 [c])
label = g:bsd:BSD-derived:(order of options of 4.4BSD), or macOS or another sender without SACK
sig   = *:64!:0:*:*,0-4:mss,nop,ws,nop,nop,ts:df?,id+?,id-?,ecn?,flow?,ts1-?:0

; PlayStation 2 (Medius games, hashsploit/packet-captures [c]); Linux with all options off and tcp_rmem[1] of 65536 is the same [m 6.18]
label = s:embedded:PlayStation 2 or Linux:without options
sig   = 4:64:0:*:32120,0:mss:df,id+,ecn?:0

; a Hewlett-Packard device that announces itself by WSD [c]; the stack is not named
label = s:embedded:HP device:(stack not named)
sig   = *:64:0:*:8568,0:mss,nop,ws,nop,nop,sok,nop,nop,ts:df?,id+?,id-?,ecn?,flow?:0
; six segments over IPv4 too: the device's arithmetic [c], and relays of this order (below)
label = s:embedded:HP device:(stack not named), or a middlebox or relay that ends TCP
sig   = *:64!:0:*:mss*6,0:mss,nop,ws,nop,nop,sok,nop,nop,ts:df?,id+?,id-?,ecn?,flow?:0

; H3C Comware (arthurcadore/network-captures [c]): FreeBSD's order, TTL 255, no DF
label = s:network:H3C Comware:(router or switch)
sig   = 4:255:0:*:64512,3:mss,nop,ws,sok,ts:id-?,ecn?:0
sig   = *:64!:0:*:64512,3:mss,nop,ws,sok,ts:id-?,ecn?,flow?:0
sig   = 4:255!:0:*:64512,3:mss,nop,ws:id-?,ecn?:0

; b3a0f058 (SSH client Cisco-1.25), 1c05b7db (routers, MSS 536, ID 0)
label = s:network:Cisco IOS:
sig   = *:255!:0:*:4128,0:mss:id-?,ecn?:0

; Huawei VRP: BGP or LDP with DSCP 14 [c]
label = s:network:Huawei VRP:(router or switch)
sig   = 4:255:0:512:8192,0:mss:id-?,ecn?:0

; F5 TMOS (ntop/nDPI [c])
label = s:network:F5 BIG-IP:(load balancer)
sig   = 4:255:0:*:4380,0:mss,sok,eol+1:df,id+?,ecn?:0

; a router in an LDP session, maker not named [c]
label = s:network:router:(maker not named), or another sender with another TTL
sig   = 4:255!:0:*:65535,5:mss,nop,ws:id-?,ecn?:0

; HF-LPB100 (Ednet gateway; DHCP host name [c])
label = s:embedded:HF-LPB Wi-Fi module:
sig   = 4:255:0:*:1500,0:mss:id-?,ecn?:0

; few segments and nothing but the MSS are relays' (below), small devices' and routers' [c]; 11520, Electric Imp's window, is 8 * 1440
label = s:relay:TCP ends at a middlebox or relay:(load balancer, VPN exit, carrier proxy), a device or router (lwIP, Electric Imp, Cisco IOS, Huawei VRP), or another sender without options
sig   = 4:255!:0:*:mss*3,0:mss:df,id+?,ecn?:0
sig   = 6:255!:0:*:mss*3,0:mss:ecn?,flow:0
sig   = *:255!:0:*:mss*8|mss*10|mss*16|mss*42,0:mss:df?,id+?,id-?,ecn?,flow?:0

; Electric Imp impOS (a kettle [c])
label = s:embedded:Electric Imp module:
sig   = 4:255:0:*:11520,0:mss:id-?,ecn?:0

; Amazon Dash Button [c]; the stack is not named
label = s:embedded:Amazon Dash Button:or a device like it (stack not named)
sig   = 4:64:0:*:4338,0:mss:id-?,ecn?:0
sig   = 4:255!:0:*:4338,0:mss:id-?,ecn?:0

; lwIP as Espressif's SDK for ESP8266 has it: TTL 128, DF, two segments (Sifely gateway [c])
label = s:embedded:lwIP:(ESP8266)
sig   = 4:128!:0:*:mss*2,0:mss:df,id+?,ecn?:0

; 3 * MSS: ESP8266 and Tuya modules, and boxes that end TCP with a bare MSS [c]
label = s:embedded:lwIP:or a middlebox or relay that ends TCP, or another sender without options
sig   = *:255!:0:*:mss*3,0:mss:id-?,ecn?:0

; nmap's and the controller's window (first section) [c], and lwIP's with this MSS
label = s:embedded:lwIP or nmap or Siemens S7:with another TTL
sig   = 4:255!:0:*:4096,0:mss:id-?,ecn?:0

; [m 2.1.3 and git of 2026] window 4 * MSS; TTL 255, ESP-IDF sets 64; ID from a counter that starts at 0, always 0 since 2026-05.
; 5744 = 4 * 1436: ESP32 [c]. Plain windows: the MSS was lowered on the way. Exact only: these layouts are of many.
label = s:embedded:lwIP:
sig   = *:255!:0:*:2144|5840|5744|5760|4308|4320,0:mss:id-?,ecn?:0
sig   = *:255!:0:*:mss*4,0:mss:id-?,ecn?:0
sig   = 4:64!:0:*:5760|5744,0:mss:id-?,ecn?:0
; LWIP_TCP_SACK_OUT, LWIP_TCP_TIMESTAMPS, LWIP_WND_SCALE and all of them [m scale 2 and 3]; timestamps with SACK (a SwitchBot hub [c]);
; window 24576, scale 1 (a MediaTek module [c]), routers have scale 5; in Windows' layout no scale 8
sig   = *:255!:0:*:mss*4,0:mss,nop,nop,ts,nop,nop,sok:id-?,ecn?:0
sig   = *:255!:0:*:24576,1-3:mss,nop,ws:id-?,ecn?:0
sig   = *:255!:0:*:65535,0-4:mss,nop,nop,ts,nop,ws:id-?,ecn?:0
sig   = *:255!:0:*:65535,*:mss,nop,nop,ts,nop,ws,nop,nop,sok:id-?,ecn?:0
; over IPv6 Linux of 2.6 without any option has the window too [s tcp_select_initial_window]
label = s:embedded:lwIP:or another sender without options
sig   = 6:64!:0:*:5760|5744,0:mss:ecn?:0
; SACK alone: FreeRTOS and Linux without scaling are the same [s]; with scale Windows, and Apple where its timestamps are cut out [c];
; without SACK Linux, whose phones have scale 5 and more [m tcp_sack=0]
label = s:embedded:lwIP:or another sender with another TTL
sig   = *:255!:0:*:mss*4,0:mss,nop,nop,sok:id-?,ecn?:0
sig   = *:255!:0:*:mss*4,0:mss,nop,nop,ts:id-?,ecn?:0
sig   = *:255!:0:*:65535,5-6:mss,nop,nop,ts,nop,ws:id-?,ecn?:0
sig   = *:255!:0:*:*,1-3:mss,nop,ws:id-?,ecn?:0
sig   = *:255!:0:*:65535,1-6:mss,nop,ws,nop,nop,sok:id-?,ecn?:0

; [s uip6.c, uipopt.h; gnrc_tcp config.h] MSS 1220 = 1280 - 60, window one segment: the two cannot be told apart
label = s:embedded:Contiki-NG or RIOT:
sig   = 6:64:0:1220:1220,0:mss:ecn?:0

; [s prvSetSynAckOptions, configuration defaults] layout of Windows, scale 0, no DF, window 4 segments
label = s:embedded:FreeRTOS-Plus-TCP:
sig   = *:128:0:*:mss*4,0:mss,nop,ws,nop,nop,sok:id-?,ecn?:0
; with ipconfigFORCE_IP_DONT_FRAGMENT [s]; Windows with a small receive buffer [c]
label = s:embedded:FreeRTOS-Plus-TCP or Windows:with a small receive buffer
sig   = *:128!:0:*:mss*4|5760|5840,0:mss,nop,ws,nop,nop,sok:df,id+?,ecn?,flow?:0

; TI SimpleLink (Blink cameras; DHCP host name [c]): NetX's order
label = s:embedded:TI SimpleLink:or another device with NetX
sig   = 4:128:0:*:33580,0:mss,nop,nop,nop,eol+0:id-?,ecn?:0

; GainSpan GS2000 (a coffee maker [c])
label = s:embedded:NetX Duo:(GainSpan module), or another sender without options
sig   = 4:128!:0:*:8192,0:mss,nop,nop,nop,eol+0:id-?,ecn?:0

; [s nx_tcp_packet_send_syn.c] window as the application asks. Windows' and FreeRTOS' NOPs stay where something cuts their options out [s]
label = s:embedded:NetX Duo:or another sender without options
sig   = 4:128!:0:*:*,0:mss,nop,nop,nop,eol+0:id-?,ecn?:0
; [s] as above; smoltcp's order where something cuts SACK out and writes the TTL
label = s:embedded:NetX Duo:or another sender with another TTL
sig   = 4:128!:0:*:*,*:mss,ws,eol+0:id-?,ecn?:0

; [s pico_tcp.c] window 16384 on Linux hosts, else 6144
label = s:embedded:picoTCP:
sig   = 4:64:0:*:16384|6144,0:mss,sok,ws,ts,nop,nop,nop,nop,eol+0:df,id+,ecn?:0

; ======
; Relays
; ======
; Layouts that no client system sends, from clients of all systems (counts of SYNs of public collections whose User-Agent names a
; system [c]): TCP ends at a load balancer, a VPN exit or a carrier's proxy. Last, because these signatures are wide.

; FreeBSD with a TTL that something wrote is the same; [c] as below
label = s:relay:TCP ends at a middlebox or relay:(load balancer, VPN exit, carrier proxy), or FreeBSD with another TTL
sig   = *:255!:0:*:65535,3|5-9:mss,nop,ws,sok,ts:df?,id+?,id-?,ecn?,flow?:0

; Over IPv6 the hop limit is the network's, 255 in one (4c8f0fed): Apple and FreeBSD without timestamps are the same [c]
label = s:relay:TCP ends at a middlebox or relay:(load balancer, VPN exit, carrier proxy), macOS, iOS or FreeBSD without timestamps, or zmap
sig   = *:255!:0:*:65535,1-9:mss,nop,ws,sok,eol+1:df?,id+?,id-?,ecn?,flow?:0

; Windows with timestamps, at another TTL, is the same [c]; FreeBSD's order, not its windows (213 SYNs, all systems mixed [c])
label = s:relay:TCP ends at a middlebox or relay:(load balancer, VPN exit, carrier proxy), or Windows 10 or newer with another TTL
sig   = 4:64!:0:*:64240|64800|mss*max,8:mss,nop,ws,sok,ts:df?,id+?,id-?,ecn?:0
; [c] as above
label = s:relay:TCP ends at a middlebox or relay:(load balancer, VPN exit, carrier proxy), or Windows Vista to 10 with another TTL
sig   = 4:64!:0:*:8192,2|8:mss,nop,ws,sok,ts:df?,id+?,id-?,ecn?:0
sig   = *:255!:0:*:8192,2|8:mss,nop,ws,sok,ts:df?,id+?,id-?,ecn?,flow?:0

; zmap 3.0 with another MSS or ID is the same [s], lwIP with the largest window too [s opt.h TCP_WND]; [c] as below
label = s:relay:TCP ends at a middlebox or relay:(load balancer, VPN exit, carrier proxy), zmap 3.0, lwIP, or another sender without options
sig   = *:255!:0:*:65535,0:mss:df?,id+?,id-?,ecn?,flow?:0

; 431 SYNs with TTL 255, all systems mixed; F5 is likely. 75 of 213 with TTL 64: 65535, scale 12, ID 0, mostly with ECN [c]
label = s:relay:TCP ends at a middlebox or relay:(load balancer, VPN exit, carrier proxy)
sig   = *:255!:0:*:mss*3|mss*8|mss*10|mss*16|mss*42|65535,*:mss,nop,ws,sok,ts:df?,id+?,id-?,ecn?,flow?:0
sig   = *:255!:0:*:mss*3|mss*8|mss*10|mss*16|mss*42|65535,*:mss,nop,ws,sok,eol+1:df?,id+?,id-?,ecn?,flow?:0
sig   = *:64!:0:*:65535,10-14:mss,nop,ws,sok,ts:df?,id+?,id-?,ecn?,flow?:0

; scale 6 is FreeBSD's [s], and its window as the program asks
label = g:relay:TCP ends at a middlebox or relay:(load balancer, VPN exit, carrier proxy), or FreeBSD or Nintendo Switch with another receive buffer
sig   = *:64!:0:*:*,6:mss,nop,ws,sok,ts:df?,id+?,id-?,ecn?,flow?:0

; the rest of 213 (FreeBSD's order, other windows), and 30 SYNs with TTL 64 [c]
label = g:relay:TCP ends at a middlebox or relay:(load balancer, VPN exit, carrier proxy)
sig   = *:64!:0:*:*,*:mss,nop,ws,sok,ts:df?,id+?,id-?,ecn?,flow?:0
sig   = *:64!:0:*:*,*:mss,nop,ws,nop,nop,sok,nop,nop,ts:df?,id+?,id-?,ecn?,flow?:0
