// Command throughput measures how fast the local run accepts payments, beside bare
// conditional puts of the same items into the same data server:
//
//	throughput [-cdk-out build/bench/cdk.out] [-clients 1,4,8,16] [-payments 600] [-rounds 3]
//
// Each round starts the local run and sends it payments from 1, 4, 8 and 16 clients; between
// two of these it stores as many items in a data server (moto) of its own, which has the same
// table. Both share the machine with the client. An acknowledgement ends with the response
// of the API; the whole ends when every payment was also published, routed and logged.
//
// It prints a Markdown table of the medians of the rounds.
package main
