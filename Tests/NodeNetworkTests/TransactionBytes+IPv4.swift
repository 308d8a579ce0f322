// The whole transaction that commits the IPv4 table, byte by byte, as libnftnl 1.2 (Debian 12) writes it:
// headers in the host's order (little-endian), numbers of nf_tables in network order. Every message is a
// request. Indentation shows nesting; `#` begins a comment.

extension TransactionBytes {
    static let ipv4 = """
        14 00 00 00 10 00 01 00 02 00 00 00 00 00 00 00      # NFNL_MSG_BATCH_BEGIN, sequence 2
         00 00 00 0a                                         # nfgenmsg: subsystem nf_tables
        38 00 00 00 00 0a 05 06 03 00 00 00 00 00 00 00      # NFT_MSG_NEWTABLE, ACK EXCL CREATE, sequence 3
         02 00 00 00                                         # nfgenmsg: ip
         1a 00 01 00                                         # NFTA_TABLE_NAME: nodelocaldns-6b0f3a51
          6e 6f 64 65 6c 6f 63 61 6c 64 6e 73 2d 36 62 30
          66 33 61 35 31 00 00 00
         08 00 02 00 00 00 00 02                             # NFTA_TABLE_FLAGS: owner
        60 00 00 00 09 0a 05 04 04 00 00 00 00 00 00 00      # NFT_MSG_NEWSET, ACK CREATE, sequence 4
         02 00 00 00                                         # nfgenmsg: ip
         1a 00 01 00                                         # NFTA_SET_TABLE: nodelocaldns-6b0f3a51
          6e 6f 64 65 6c 6f 63 61 6c 64 6e 73 2d 36 62 30
          66 33 61 35 31 00 00 00
         0d 00 02 00 73 65 72 76 69 63 65 73 00 00 00 00     # NFTA_SET_NAME: services
         08 00 03 00 00 00 00 00                             # NFTA_SET_FLAGS
         08 00 04 00 00 00 73 0d                             # NFTA_SET_KEY_TYPE
         08 00 05 00 00 00 00 0c                             # NFTA_SET_KEY_LEN
         08 00 0a 00 00 00 00 01                             # NFTA_SET_ID
        8c 00 00 00 0c 0a 05 04 05 00 00 00 00 00 00 00      # NFT_MSG_NEWSETELEM, ACK CREATE, sequence 5
         02 00 00 00                                         # nfgenmsg: ip
         0d 00 02 00 73 65 72 76 69 63 65 73 00 00 00 00     # NFTA_SET_ELEM_LIST_SET: services
         1a 00 01 00                                         # NFTA_SET_ELEM_LIST_TABLE: nodelocaldns-6b0f3a51
          6e 6f 64 65 6c 6f 63 61 6c 64 6e 73 2d 36 62 30
          66 33 61 35 31 00 00 00
         4c 00 03 80                                         # NFTA_SET_ELEM_LIST_ELEMENTS
          18 00 01 80                                        # NFTA_LIST_ELEM
           14 00 01 80                                       # NFTA_SET_ELEM_KEY
            10 00 01 00 c0 00 02 0a 11 00 00 00 00 35 00 00  # udp 53
          18 00 02 80                                        # NFTA_LIST_ELEM
           14 00 01 80                                       # NFTA_SET_ELEM_KEY
            10 00 01 00 c0 00 02 0a 06 00 00 00 00 35 00 00  # tcp 53
          18 00 03 80                                        # NFTA_LIST_ELEM
           14 00 01 80                                       # NFTA_SET_ELEM_KEY
            10 00 01 00 c0 00 02 0a 06 00 00 00 1f 90 00 00  # tcp 8080
        68 00 00 00 03 0a 05 04 06 00 00 00 00 00 00 00      # NFT_MSG_NEWCHAIN, ACK CREATE, sequence 6
         02 00 00 00                                         # nfgenmsg: ip
         1a 00 01 00                                         # NFTA_CHAIN_TABLE: nodelocaldns-6b0f3a51
          6e 6f 64 65 6c 6f 63 61 6c 64 6e 73 2d 36 62 30
          66 33 61 35 31 00 00 00
         0f 00 03 00 70 72 65 72 6f 75 74 69 6e 67 00 00     # NFTA_CHAIN_NAME: prerouting
         14 00 04 80                                         # NFTA_CHAIN_HOOK
          08 00 01 00 00 00 00 00                            # NFTA_HOOK_HOOKNUM: prerouting
          08 00 02 00 ff ff fe d4                            # NFTA_HOOK_PRIORITY: -300
         08 00 05 00 00 00 00 01                             # NFTA_CHAIN_POLICY: accept
         0b 00 07 00 66 69 6c 74 65 72 00 00                 # NFTA_CHAIN_TYPE: filter
        64 00 00 00 03 0a 05 04 07 00 00 00 00 00 00 00      # NFT_MSG_NEWCHAIN, ACK CREATE, sequence 7
         02 00 00 00                                         # nfgenmsg: ip
         1a 00 01 00                                         # NFTA_CHAIN_TABLE: nodelocaldns-6b0f3a51
          6e 6f 64 65 6c 6f 63 61 6c 64 6e 73 2d 36 62 30
          66 33 61 35 31 00 00 00
         0b 00 03 00 6f 75 74 70 75 74 00 00                 # NFTA_CHAIN_NAME: output
         14 00 04 80                                         # NFTA_CHAIN_HOOK
          08 00 01 00 00 00 00 03                            # NFTA_HOOK_HOOKNUM: output
          08 00 02 00 ff ff fe d4                            # NFTA_HOOK_PRIORITY: -300
         08 00 05 00 00 00 00 01                             # NFTA_CHAIN_POLICY: accept
         0b 00 07 00 66 69 6c 74 65 72 00 00                 # NFTA_CHAIN_TYPE: filter
        70 01 00 00 06 0a 05 0c 08 00 00 00 00 00 00 00      # NFT_MSG_NEWRULE, ACK CREATE APPEND, sequence 8
         02 00 00 00                                         # nfgenmsg: ip
         1a 00 01 00                                         # NFTA_RULE_TABLE: nodelocaldns-6b0f3a51
          6e 6f 64 65 6c 6f 63 61 6c 64 6e 73 2d 36 62 30
          66 33 61 35 31 00 00 00
         0f 00 02 00 70 72 65 72 6f 75 74 69 6e 67 00 00     # NFTA_RULE_CHAIN: prerouting
         2a 00 07 00                                         # NFTA_RULE_USERDATA: comment, length, text
          00 24 4e 6f 64 65 4c 6f 63 61 6c 20 44 4e 53 20
          43 61 63 68 65 3a 20 73 6b 69 70 20 63 6f 6e 6e
          74 72 61 63 6b 00 00 00
         04 01 04 80                                         # NFTA_RULE_EXPRESSIONS
          34 00 01 80                                        # NFTA_LIST_ELEM
           0c 00 01 00 70 61 79 6c 6f 61 64 00               # NFTA_EXPR_NAME: payload
           24 00 02 80                                       # NFTA_EXPR_DATA
            08 00 01 00 00 00 00 01                          # NFTA_PAYLOAD_DREG: 1
            08 00 02 00 00 00 00 01                          # NFTA_PAYLOAD_BASE: network header
            08 00 03 00 00 00 00 10                          # NFTA_PAYLOAD_OFFSET: 16
            08 00 04 00 00 00 00 04                          # NFTA_PAYLOAD_LEN: 4
          24 00 01 80                                        # NFTA_LIST_ELEM
           09 00 01 00 6d 65 74 61 00 00 00 00               # NFTA_EXPR_NAME: meta
           14 00 02 80                                       # NFTA_EXPR_DATA
            08 00 02 00 00 00 00 10                          # NFTA_META_KEY: l4proto
            08 00 01 00 00 00 00 09                          # NFTA_META_DREG: 9
          34 00 01 80                                        # NFTA_LIST_ELEM
           0c 00 01 00 70 61 79 6c 6f 61 64 00               # NFTA_EXPR_NAME: payload
           24 00 02 80                                       # NFTA_EXPR_DATA
            08 00 01 00 00 00 00 0a                          # NFTA_PAYLOAD_DREG: 10
            08 00 02 00 00 00 00 02                          # NFTA_PAYLOAD_BASE: transport header
            08 00 03 00 00 00 00 02                          # NFTA_PAYLOAD_OFFSET: 2
            08 00 04 00 00 00 00 02                          # NFTA_PAYLOAD_LEN: 2
          34 00 01 80                                        # NFTA_LIST_ELEM
           0b 00 01 00 6c 6f 6f 6b 75 70 00 00               # NFTA_EXPR_NAME: lookup
           24 00 02 80                                       # NFTA_EXPR_DATA
            08 00 02 00 00 00 00 01                          # NFTA_LOOKUP_SREG: 1
            0d 00 01 00 73 65 72 76 69 63 65 73 00 00 00 00  # NFTA_LOOKUP_SET: services
            08 00 04 00 00 00 00 01                          # NFTA_LOOKUP_SET_ID: 1
          10 00 01 80                                        # NFTA_LIST_ELEM
           0c 00 01 00 6e 6f 74 72 61 63 6b 00               # NFTA_EXPR_NAME: notrack
          30 00 01 80                                        # NFTA_LIST_ELEM
           0e 00 01 00 69 6d 6d 65 64 69 61 74 65 00 00 00   # NFTA_EXPR_NAME: immediate
           1c 00 02 80                                       # NFTA_EXPR_DATA
            08 00 01 00 00 00 00 00                          # NFTA_IMMEDIATE_DREG: verdict
            10 00 02 80                                      # NFTA_IMMEDIATE_DATA
             0c 00 02 80                                     # NFTA_DATA_VERDICT
              08 00 01 00 00 00 00 01                        # NFTA_VERDICT_CODE: accept
        c0 00 00 00 06 0a 05 0c 09 00 00 00 00 00 00 00      # NFT_MSG_NEWRULE, ACK CREATE APPEND, sequence 9
         02 00 00 00                                         # nfgenmsg: ip
         1a 00 01 00                                         # NFTA_RULE_TABLE: nodelocaldns-6b0f3a51
          6e 6f 64 65 6c 6f 63 61 6c 64 6e 73 2d 36 62 30
          66 33 61 35 31 00 00 00
         0b 00 02 00 6f 75 74 70 75 74 00 00                 # NFTA_RULE_CHAIN: output
         84 00 04 80                                         # NFTA_RULE_EXPRESSIONS
          24 00 01 80                                        # NFTA_LIST_ELEM
           09 00 01 00 6d 65 74 61 00 00 00 00               # NFTA_EXPR_NAME: meta
           14 00 02 80                                       # NFTA_EXPR_DATA
            08 00 02 00 00 00 00 03                          # NFTA_META_KEY: mark
            08 00 01 00 00 00 00 01                          # NFTA_META_DREG: 1
          2c 00 01 80                                        # NFTA_LIST_ELEM
           08 00 01 00 63 6d 70 00                           # NFTA_EXPR_NAME: cmp
           20 00 02 80                                       # NFTA_EXPR_DATA
            08 00 01 00 00 00 00 01                          # NFTA_CMP_SREG: 1
            08 00 02 00 00 00 00 00                          # NFTA_CMP_OP: equal
            0c 00 03 80                                      # NFTA_CMP_DATA
             08 00 01 00 36 00 00 00                         # NFTA_DATA_VALUE: 54
          30 00 01 80                                        # NFTA_LIST_ELEM
           0e 00 01 00 69 6d 6d 65 64 69 61 74 65 00 00 00   # NFTA_EXPR_NAME: immediate
           1c 00 02 80                                       # NFTA_EXPR_DATA
            08 00 01 00 00 00 00 00                          # NFTA_IMMEDIATE_DREG: verdict
            10 00 02 80                                      # NFTA_IMMEDIATE_DATA
             0c 00 02 80                                     # NFTA_DATA_VERDICT
              08 00 01 00 ff ff ff fb                        # NFTA_VERDICT_CODE: return
        6c 01 00 00 06 0a 05 0c 0a 00 00 00 00 00 00 00      # NFT_MSG_NEWRULE, ACK CREATE APPEND, sequence 10
         02 00 00 00                                         # nfgenmsg: ip
         1a 00 01 00                                         # NFTA_RULE_TABLE: nodelocaldns-6b0f3a51
          6e 6f 64 65 6c 6f 63 61 6c 64 6e 73 2d 36 62 30
          66 33 61 35 31 00 00 00
         0b 00 02 00 6f 75 74 70 75 74 00 00                 # NFTA_RULE_CHAIN: output
         2a 00 07 00                                         # NFTA_RULE_USERDATA: comment, length, text
          00 24 4e 6f 64 65 4c 6f 63 61 6c 20 44 4e 53 20
          43 61 63 68 65 3a 20 73 6b 69 70 20 63 6f 6e 6e
          74 72 61 63 6b 00 00 00
         04 01 04 80                                         # NFTA_RULE_EXPRESSIONS
          34 00 01 80                                        # NFTA_LIST_ELEM
           0c 00 01 00 70 61 79 6c 6f 61 64 00               # NFTA_EXPR_NAME: payload
           24 00 02 80                                       # NFTA_EXPR_DATA
            08 00 01 00 00 00 00 01                          # NFTA_PAYLOAD_DREG: 1
            08 00 02 00 00 00 00 01                          # NFTA_PAYLOAD_BASE: network header
            08 00 03 00 00 00 00 10                          # NFTA_PAYLOAD_OFFSET: 16
            08 00 04 00 00 00 00 04                          # NFTA_PAYLOAD_LEN: 4
          24 00 01 80                                        # NFTA_LIST_ELEM
           09 00 01 00 6d 65 74 61 00 00 00 00               # NFTA_EXPR_NAME: meta
           14 00 02 80                                       # NFTA_EXPR_DATA
            08 00 02 00 00 00 00 10                          # NFTA_META_KEY: l4proto
            08 00 01 00 00 00 00 09                          # NFTA_META_DREG: 9
          34 00 01 80                                        # NFTA_LIST_ELEM
           0c 00 01 00 70 61 79 6c 6f 61 64 00               # NFTA_EXPR_NAME: payload
           24 00 02 80                                       # NFTA_EXPR_DATA
            08 00 01 00 00 00 00 0a                          # NFTA_PAYLOAD_DREG: 10
            08 00 02 00 00 00 00 02                          # NFTA_PAYLOAD_BASE: transport header
            08 00 03 00 00 00 00 02                          # NFTA_PAYLOAD_OFFSET: 2
            08 00 04 00 00 00 00 02                          # NFTA_PAYLOAD_LEN: 2
          34 00 01 80                                        # NFTA_LIST_ELEM
           0b 00 01 00 6c 6f 6f 6b 75 70 00 00               # NFTA_EXPR_NAME: lookup
           24 00 02 80                                       # NFTA_EXPR_DATA
            08 00 02 00 00 00 00 01                          # NFTA_LOOKUP_SREG: 1
            0d 00 01 00 73 65 72 76 69 63 65 73 00 00 00 00  # NFTA_LOOKUP_SET: services
            08 00 04 00 00 00 00 01                          # NFTA_LOOKUP_SET_ID: 1
          10 00 01 80                                        # NFTA_LIST_ELEM
           0c 00 01 00 6e 6f 74 72 61 63 6b 00               # NFTA_EXPR_NAME: notrack
          30 00 01 80                                        # NFTA_LIST_ELEM
           0e 00 01 00 69 6d 6d 65 64 69 61 74 65 00 00 00   # NFTA_EXPR_NAME: immediate
           1c 00 02 80                                       # NFTA_EXPR_DATA
            08 00 01 00 00 00 00 00                          # NFTA_IMMEDIATE_DREG: verdict
            10 00 02 80                                      # NFTA_IMMEDIATE_DATA
             0c 00 02 80                                     # NFTA_DATA_VERDICT
              08 00 01 00 00 00 00 01                        # NFTA_VERDICT_CODE: accept
        6c 01 00 00 06 0a 05 0c 0b 00 00 00 00 00 00 00      # NFT_MSG_NEWRULE, ACK CREATE APPEND, sequence 11
         02 00 00 00                                         # nfgenmsg: ip
         1a 00 01 00                                         # NFTA_RULE_TABLE: nodelocaldns-6b0f3a51
          6e 6f 64 65 6c 6f 63 61 6c 64 6e 73 2d 36 62 30
          66 33 61 35 31 00 00 00
         0b 00 02 00 6f 75 74 70 75 74 00 00                 # NFTA_RULE_CHAIN: output
         2a 00 07 00                                         # NFTA_RULE_USERDATA: comment, length, text
          00 24 4e 6f 64 65 4c 6f 63 61 6c 20 44 4e 53 20
          43 61 63 68 65 3a 20 73 6b 69 70 20 63 6f 6e 6e
          74 72 61 63 6b 00 00 00
         04 01 04 80                                         # NFTA_RULE_EXPRESSIONS
          34 00 01 80                                        # NFTA_LIST_ELEM
           0c 00 01 00 70 61 79 6c 6f 61 64 00               # NFTA_EXPR_NAME: payload
           24 00 02 80                                       # NFTA_EXPR_DATA
            08 00 01 00 00 00 00 01                          # NFTA_PAYLOAD_DREG: 1
            08 00 02 00 00 00 00 01                          # NFTA_PAYLOAD_BASE: network header
            08 00 03 00 00 00 00 0c                          # NFTA_PAYLOAD_OFFSET: 12
            08 00 04 00 00 00 00 04                          # NFTA_PAYLOAD_LEN: 4
          24 00 01 80                                        # NFTA_LIST_ELEM
           09 00 01 00 6d 65 74 61 00 00 00 00               # NFTA_EXPR_NAME: meta
           14 00 02 80                                       # NFTA_EXPR_DATA
            08 00 02 00 00 00 00 10                          # NFTA_META_KEY: l4proto
            08 00 01 00 00 00 00 09                          # NFTA_META_DREG: 9
          34 00 01 80                                        # NFTA_LIST_ELEM
           0c 00 01 00 70 61 79 6c 6f 61 64 00               # NFTA_EXPR_NAME: payload
           24 00 02 80                                       # NFTA_EXPR_DATA
            08 00 01 00 00 00 00 0a                          # NFTA_PAYLOAD_DREG: 10
            08 00 02 00 00 00 00 02                          # NFTA_PAYLOAD_BASE: transport header
            08 00 03 00 00 00 00 00                          # NFTA_PAYLOAD_OFFSET: 0
            08 00 04 00 00 00 00 02                          # NFTA_PAYLOAD_LEN: 2
          34 00 01 80                                        # NFTA_LIST_ELEM
           0b 00 01 00 6c 6f 6f 6b 75 70 00 00               # NFTA_EXPR_NAME: lookup
           24 00 02 80                                       # NFTA_EXPR_DATA
            08 00 02 00 00 00 00 01                          # NFTA_LOOKUP_SREG: 1
            0d 00 01 00 73 65 72 76 69 63 65 73 00 00 00 00  # NFTA_LOOKUP_SET: services
            08 00 04 00 00 00 00 01                          # NFTA_LOOKUP_SET_ID: 1
          10 00 01 80                                        # NFTA_LIST_ELEM
           0c 00 01 00 6e 6f 74 72 61 63 6b 00               # NFTA_EXPR_NAME: notrack
          30 00 01 80                                        # NFTA_LIST_ELEM
           0e 00 01 00 69 6d 6d 65 64 69 61 74 65 00 00 00   # NFTA_EXPR_NAME: immediate
           1c 00 02 80                                       # NFTA_EXPR_DATA
            08 00 01 00 00 00 00 00                          # NFTA_IMMEDIATE_DREG: verdict
            10 00 02 80                                      # NFTA_IMMEDIATE_DATA
             0c 00 02 80                                     # NFTA_DATA_VERDICT
              08 00 01 00 00 00 00 01                        # NFTA_VERDICT_CODE: accept
        14 00 00 00 11 00 01 00 0c 00 00 00 00 00 00 00      # NFNL_MSG_BATCH_END, sequence 12
         00 00 00 0a                                         # nfgenmsg: subsystem nf_tables
        """
}
