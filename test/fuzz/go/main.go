// Says how Go's net/http, which the API server is made of, reads and writes HTTP/1.1: the fuzzers compare the gate with
// it. Frames on stdin (one byte of kind, four of length, the payload), one JSON line on stdout for each.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
)

// answers by kind of frame.
var answers = map[byte]func([]byte) any{
	'r': func(payload []byte) any { return readRequests(payload) },
	's': func(payload []byte) any { return serveRequests(payload) },
	'p': func(payload []byte) any { return readResponses(payload) },
	'w': func(payload []byte) any { return writeResponse(payload) },
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<16)
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	for {
		var head [5]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return
		}
		payload := make([]byte, binary.BigEndian.Uint32(head[1:]))
		if _, err := io.ReadFull(in, payload); err != nil {
			os.Exit(1)
		}
		answer, ok := answers[head[0]]
		if !ok {
			os.Exit(2)
		}
		if err := encoder.Encode(answer(payload)); err != nil {
			os.Exit(3)
		}
		if err := out.Flush(); err != nil {
			return
		}
	}
}
