package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

type response struct {
	Status   int  `json:"status"`
	Complete bool `json:"complete"`
	// End is where it ends in the payload; meaningless for one that ends with the connection.
	End        int    `json:"end"`
	UntilClose bool   `json:"untilClose"`
	Body       []byte `json:"body"`
}

type responsesAnswer struct {
	Responses []response `json:"responses"`
	Rejected  string     `json:"rejected"`
}

// readResponses reads interim answers and the final one to a request. Payload: its method, a line feed, the bytes.
func readResponses(payload []byte) responsesAnswer {
	answer := responsesAnswer{Responses: []response{}}
	method, stream, _ := bytes.Cut(payload, []byte("\n"))
	source := bytes.NewReader(stream)
	reader := bufio.NewReader(source)
	for {
		resp, err := http.ReadResponse(reader, &http.Request{Method: string(method)})
		if err != nil {
			if err != io.ErrUnexpectedEOF && err != io.EOF {
				answer.Rejected = err.Error()
			}
			return answer
		}
		body, err := io.ReadAll(resp.Body)
		answer.Responses = append(answer.Responses, response{
			Status: resp.StatusCode, Complete: err == nil, Body: body,
			End:        len(stream) - source.Len() - reader.Buffered(),
			UntilClose: resp.ContentLength < 0 && len(resp.TransferEncoding) == 0,
		})
		if err != nil || resp.StatusCode >= 200 || resp.StatusCode == 101 {
			return answer
		}
	}
}

// toWrite is what a handler of the API server does.
type toWrite struct {
	Request []byte      `json:"request"`
	Status  int         `json:"status"`
	Header  [][2]string `json:"header"`
	Writes  [][]byte    `json:"writes"`
	Flush   bool        `json:"flush"`
	// ReadBody: does the handler read the request's body first?
	ReadBody bool  `json:"readBody"`
	Interim  []int `json:"interim"`
}

type writtenAnswer struct {
	Bytes []byte `json:"bytes"`
	// Requests that the server took from the connection.
	Requests int `json:"requests"`
}

// writeResponse lets an http.Server answer the requests and says what it wrote.
func writeResponse(payload []byte) writtenAnswer {
	var spec toWrite
	if err := json.Unmarshal(payload, &spec); err != nil {
		panic(err)
	}
	answer := writtenAnswer{}
	conn := &memoryConn{in: bytes.NewReader(spec.Request), gone: make(chan struct{})}
	var closed sync.WaitGroup
	closed.Add(1)
	var once sync.Once
	server := &http.Server{
		ErrorLog: log.New(io.Discard, "", 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			answer.Requests++
			if spec.ReadBody {
				_, _ = io.ReadAll(req.Body)
			}
			for _, status := range spec.Interim {
				w.WriteHeader(status)
			}
			for _, pair := range spec.Header {
				w.Header().Add(pair[0], pair[1])
			}
			w.WriteHeader(spec.Status)
			for _, part := range spec.Writes {
				_, _ = w.Write(part)
				if flusher, ok := w.(http.Flusher); ok && spec.Flush {
					flusher.Flush()
				}
			}
		}),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed || state == http.StateHijacked {
				once.Do(closed.Done)
			}
		},
	}
	_ = server.Serve(&oneConn{conn: conn})
	closed.Wait()
	<-conn.gone
	answer.Bytes = []byte(conn.written())
	return answer
}
