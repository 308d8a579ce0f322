// What we say on NETLINK_ROUTE, byte by byte: numbers in the host's order (little-endian), attributes as
// length, type, value. Every message is a request. Indentation shows nesting; `#` begins a comment.

/// Messages about the link `nodelocaldns` (index 2) with 192.0.2.10 and 2001:db8::10.
enum LinkBytes {
    static let find = """
        34 00 00 00 12 00 01 00 01 00 00 00 00 00 00 00         # RTM_GETLINK, sequence 1
         00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00        # ifinfomsg
         11 00 03 00 6e 6f 64 65 6c 6f 63 61 6c 64 6e 73 00 00 00 00  # IFLA_IFNAME: nodelocaldns
        """

    static let make = """
        44 00 00 00 10 00 05 06 02 00 00 00 00 00 00 00         # RTM_NEWLINK, ACK EXCL CREATE, sequence 2
         00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00        # ifinfomsg
         11 00 03 00 6e 6f 64 65 6c 6f 63 61 6c 64 6e 73 00 00 00 00  # IFLA_IFNAME: nodelocaldns
         10 00 12 80                                            # IFLA_LINKINFO
          0a 00 01 00 64 75 6d 6d 79 00 00 00                   # IFLA_INFO_KIND: dummy
        """

    static let findAgain = """
        34 00 00 00 12 00 01 00 03 00 00 00 00 00 00 00         # RTM_GETLINK, sequence 3
         00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00        # ifinfomsg
         11 00 03 00 6e 6f 64 65 6c 6f 63 61 6c 64 6e 73 00 00 00 00  # IFLA_IFNAME: nodelocaldns
        """

    static let silence = """
        30 00 00 00 10 00 05 00 04 00 00 00 00 00 00 00   # RTM_NEWLINK, ACK, sequence 4
         00 00 00 00 02 00 00 00 00 00 00 00 00 00 00 00  # ifinfomsg: index 2
         10 00 1a 80                                      # IFLA_AF_SPEC
          0c 00 0a 80                                     # AF_INET6
           05 00 08 00 01 00 00 00                        # IFLA_INET6_ADDR_GEN_MODE: none
        """

    static let raise = """
        20 00 00 00 10 00 05 00 05 00 00 00 00 00 00 00   # RTM_NEWLINK, ACK, sequence 5
         00 00 00 00 02 00 00 00 01 00 00 00 01 00 00 00  # ifinfomsg: index 2, set IFF_UP
        """

    static let listAddresses = """
        18 00 00 00 16 00 01 03 06 00 00 00 00 00 00 00  # RTM_GETADDR, DUMP, sequence 6
         00 00 00 00 00 00 00 00                         # ifaddrmsg
        """

    static let addIPv4 = """
        30 00 00 00 14 00 05 06 07 00 00 00 00 00 00 00  # RTM_NEWADDR, ACK EXCL CREATE, sequence 7
         02 20 00 00 02 00 00 00                         # ifaddrmsg: IPv4 /32, index 2
         08 00 02 00 c0 00 02 0a                         # IFA_LOCAL
         08 00 01 00 c0 00 02 0a                         # IFA_ADDRESS
         05 00 0b 00 35 00 00 00                         # IFA_PROTO: ours
        """

    static let addIPv6 = """
        48 00 00 00 14 00 05 06 08 00 00 00 00 00 00 00         # RTM_NEWADDR, ACK EXCL CREATE, sequence 8
         0a 80 02 00 02 00 00 00                                # ifaddrmsg: IPv6 /128, IFA_F_NODAD, index 2
         14 00 02 00 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 10  # IFA_LOCAL
         14 00 01 00 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 10  # IFA_ADDRESS
         05 00 0b 00 35 00 00 00                                # IFA_PROTO: ours
        """
}
