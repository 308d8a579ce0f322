// The tables as nft prints them with numbers for protocols (6 is TCP, 17 UDP), which is how people will meet
// them on a node.

enum FallbackText {
    /// What is in the fall-back table of a family (`ip`, `ip6`).
    static func fallback(_ ip: String, local: String, cluster: String, upstream: String) -> String {
        let address = ip == "ip" ? "ipv4_addr" : "ipv6_addr"
        let separator = ip == "ip" ? ", " : ",\n"
        // nft sorts elements by their bytes; the cluster's addresses come first in IPv4 and last in IPv6.
        let (first, second) = ip == "ip" ? (cluster, local) : (local, cluster)
        let toUs = "\(ip) daddr . meta l4proto . tcp dport @services"
        let flow = "\(ip) saddr . tcp sport . \(ip) daddr"
        let back = "ct original zone 5353 ct direction reply \(ip) saddr \(upstream) \(ip) saddr set \(local)"
        return """
            set services {
                type \(address) . inet_proto . inet_service
                elements = { \(first) . 6 . 53,
                             \(second) . 6 . 53,
                             \(first) . 17 . 53,
                             \(second) . 17 . 53 }
            }
            set local_services {
                type \(address) . inet_proto . inet_service
                elements = { \(local) . 6 . 53,
                             \(local) . 17 . 53 }
            }
            set addresses {
                type \(address)
                elements = { \(first)\(separator)\(second) }
            }
            set kept_flows {
                type \(address) . inet_service . \(address)
                size 65535
                flags dynamic,timeout
                timeout 30s
            }
            chain rewrite {
                \(ip) daddr \(local) ct original zone set 5353 \(ip) daddr set \(upstream)
            }
            chain stay {
                update @kept_flows { \(ip) saddr . th sport . \(ip) daddr timeout 30s }
                \(ip) daddr . meta l4proto . th dport @local_services goto rewrite
                ct zone set 0
            }
            chain keep_prerouting {
                type filter hook prerouting priority raw - 10; policy accept;
                tcp flags ! syn \(toUs) \(flow) @kept_flows goto stay
                tcp flags syn / syn,ack \(toUs) delete @kept_flows { \(flow) }
            }
            chain keep_output {
                type filter hook output priority raw - 10; policy accept;
                \(ip) saddr . meta l4proto . th sport @services notrack return
                meta mark 0x00000035 \(ip) daddr . meta l4proto . th dport @services notrack return
                tcp flags ! syn \(toUs) \(flow) @kept_flows goto stay
                tcp flags syn / syn,ack \(toUs) delete @kept_flows { \(flow) }
            }
            chain fall_back_prerouting {
                type filter hook prerouting priority raw + 10; policy accept;
                ct state untracked return
                tcp flags ! syn \(toUs) socket wildcard 0 notrack return
                tcp flags syn / syn,ack \(toUs) update @kept_flows { \(flow) timeout 30s }
                \(ip) daddr . meta l4proto . th dport @local_services goto rewrite
            }
            chain fall_back_output {
                type filter hook output priority raw + 10; policy accept;
                ct state untracked return
                tcp flags ! syn \(toUs) notrack return
                tcp flags syn / syn,ack \(toUs) update @kept_flows { \(flow) timeout 30s }
                \(ip) daddr . meta l4proto . th dport @local_services goto rewrite
            }
            chain restore_input {
                type filter hook input priority 110; policy accept;
                \(back)
            }
            chain restore_postrouting {
                type filter hook postrouting priority srcnat + 10; policy accept;
                \(back)
            }
            chain masquerade_host {
                type nat hook postrouting priority srcnat - 1; policy accept;
                \(ip) saddr @addresses ct status dnat masquerade fully-random
            }
            }
            """
    }

    private static let comment = #"comment "NodeLocal DNS Cache: skip conntrack""#

    /// What is in an agent's IPv4 table with socket gate and dead-man's set.
    static let gatedAndGuarded = """
        set services {
            type ipv4_addr . inet_proto . inet_service
            elements = { 10.96.0.10 . 6 . 53,
                         169.254.20.10 . 6 . 53,
                         10.96.0.10 . 17 . 53,
                         169.254.20.10 . 17 . 53,
                         10.96.0.10 . 6 . 8080,
                         169.254.20.10 . 6 . 8080 }
        }
        set alive {
            type ipv4_addr
            size 65535
            flags dynamic,timeout
            timeout 2s
        }
        set addresses {
            type ipv4_addr
            elements = { 10.96.0.10, 169.254.20.10 }
        }
        chain prerouting {
            type filter hook prerouting priority raw; policy accept;
            ip saddr @addresses th sport 32812 ip daddr . meta l4proto . th dport @services notrack accept \(comment)
            ip daddr @alive tcp flags ! syn ip daddr . meta l4proto . tcp dport @services notrack accept \(comment)
            ip daddr @alive ip daddr . meta l4proto . th dport @services socket wildcard 0 notrack accept \(comment)
        }
        chain output {
            type filter hook output priority raw; policy accept;
            ip saddr @addresses th sport 32812 ip daddr . meta l4proto . th dport @services notrack accept \(comment)
            udp sport 53 udp dport 32812 ip daddr @addresses update @alive { ip saddr timeout 2s } \
        comment "NodeLocal DNS Cache: heart-beat"
            meta mark 0x00000036 return
            ip daddr @alive ip daddr . meta l4proto . th dport @services notrack accept \(comment)
            ip saddr . meta l4proto . th sport @services notrack accept \(comment)
        }
        }
        """
}
