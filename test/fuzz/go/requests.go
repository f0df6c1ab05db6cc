package main

import (
	"bufio"
	"bytes"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// request is one request as Go sees it. Byte slices are base64 in JSON: header values need not be UTF-8.
type request struct {
	Method   string              `json:"method"`
	Target   []byte              `json:"target"`
	Path     []byte              `json:"path"`
	Minor    int                 `json:"minor"`
	Host     []byte              `json:"host"`
	Header   map[string][][]byte `json:"header"`
	Body     []byte              `json:"body"`
	Trailer  map[string][][]byte `json:"trailer"`
	Complete bool                `json:"complete"`
	// Upgrade: would the API server's proxies take it for an upgrade?
	Upgrade bool `json:"upgrade"`
	Close   bool `json:"close"`
}

type requestsAnswer struct {
	Requests []request `json:"requests"`
	// Rest counts the bytes after the last request that was read whole.
	Rest int `json:"rest"`
	// Rejected: reading stopped at bytes that are no request.
	Rejected string `json:"rejected"`
}

// isUpgradeRequest is k8s.io/apimachinery/pkg/util/httpstream.IsUpgradeRequest.
func isUpgradeRequest(req *http.Request) bool {
	for _, h := range req.Header[http.CanonicalHeaderKey("Connection")] {
		if strings.Contains(strings.ToLower(h), strings.ToLower("Upgrade")) {
			return true
		}
	}
	return false
}

func describe(req *http.Request) request {
	seen := request{
		Method: req.Method, Target: []byte(req.RequestURI), Path: []byte(req.URL.Path), Minor: req.ProtoMinor,
		Host: []byte(req.Host), Header: lists(req.Header), Upgrade: isUpgradeRequest(req), Close: req.Close,
	}
	body, err := io.ReadAll(req.Body)
	seen.Body, seen.Complete = body, err == nil
	seen.Trailer = lists(req.Trailer)
	return seen
}

func lists(header http.Header) map[string][][]byte {
	all := make(map[string][][]byte, len(header))
	for name, values := range header {
		for _, value := range values {
			all[name] = append(all[name], []byte(value))
		}
	}
	return all
}

// readRequests reads one after the other with http.ReadRequest, laxer than the server: no check of Host or names.
func readRequests(payload []byte) requestsAnswer {
	answer := requestsAnswer{Requests: []request{}}
	source := bytes.NewReader(payload)
	reader := bufio.NewReader(source)
	for {
		answer.Rest = source.Len() + reader.Buffered()
		if answer.Rest == 0 {
			return answer
		}
		req, err := http.ReadRequest(reader)
		if err != nil {
			if err != io.ErrUnexpectedEOF && err != io.EOF {
				answer.Rejected = err.Error()
			}
			return answer
		}
		seen := describe(req)
		answer.Requests = append(answer.Requests, seen)
		if !seen.Complete {
			return answer
		}
	}
}

// serveRequests gives the bytes to an http.Server, whose handler hijacks what it takes for an upgrade as the API server
// does. Rest then counts the bytes that would go into the tunnel.
func serveRequests(payload []byte) requestsAnswer {
	answer := requestsAnswer{Requests: []request{}}
	conn := &memoryConn{in: bytes.NewReader(payload), gone: make(chan struct{})}
	var closed sync.WaitGroup
	closed.Add(1)
	var once sync.Once
	server := &http.Server{
		ErrorLog: log.New(io.Discard, "", 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			seen := describe(req)
			answer.Requests = append(answer.Requests, seen)
			if !seen.Upgrade || !seen.Complete {
				return
			}
			hijacked, buffered, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			rest, _ := io.ReadAll(buffered)
			answer.Rest = len(rest)
			hijacked.Close()
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
	if text := conn.written(); strings.Contains(text, "HTTP/1.1 400") || strings.Contains(text, "HTTP/1.1 431") ||
		strings.Contains(text, "HTTP/1.1 501") || strings.Contains(text, "HTTP/1.1 505") || strings.Contains(text, "HTTP/1.1 417") {
		answer.Rejected = text
	}
	return answer
}

// oneConn is a listener that accepts one connection and then no more.
type oneConn struct{ conn net.Conn }

func (l *oneConn) Accept() (net.Conn, error) {
	if l.conn == nil {
		return nil, io.EOF
	}
	conn := l.conn
	l.conn = nil
	return conn, nil
}
func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// memoryConn reads what it was given and keeps what is written.
type memoryConn struct {
	mutex sync.Mutex
	in    *bytes.Reader
	out   bytes.Buffer
	once  sync.Once
	gone  chan struct{}
}

func (c *memoryConn) Read(into []byte) (int, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.in.Read(into)
}
func (c *memoryConn) Write(bytes []byte) (int, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.out.Write(bytes)
}
func (c *memoryConn) written() string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.out.String()
}
func (c *memoryConn) Close() error {
	c.once.Do(func() { close(c.gone) })
	return nil
}
func (c *memoryConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *memoryConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *memoryConn) SetDeadline(time.Time) error      { return nil }
func (c *memoryConn) SetReadDeadline(time.Time) error  { return nil }
func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }
