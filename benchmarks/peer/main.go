// Command peer is what the data path is measured against: a source of random bytes, and an S3 bucket that takes everything
// and keeps nothing. Both cost less than what is measured. It does not verify checksums, and rejects part numbers and part
// sizes that S3 would reject.
//
//	/source/SIZE               with ranges
//	/source/SIZE?rate=&delay=  limits the bytes per second of each connection, and delays each response by milliseconds
//	/stream/SIZE               chunked: no length, no ranges
//	/parts                     how many parts the last upload had, and the smallest and largest of them but the last
package main

import (
	"bytes"
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ring serves size bytes by repeating one block.
type ring struct {
	block []byte
	size  int64
	at    int64
}

func (r *ring) Read(p []byte) (int, error) {
	if r.at >= r.size {
		return 0, io.EOF
	}
	n := copy(p, r.block[r.at%int64(len(r.block)):])
	if rest := r.size - r.at; int64(n) > rest {
		n = int(rest)
	}
	r.at += int64(n)
	return n, nil
}

func (r *ring) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
		r.at = offset
	case io.SeekCurrent:
		r.at += offset
	case io.SeekEnd:
		r.at = r.size + offset
	}
	return r.at, nil
}

// bucket remembers of each object what HEAD must show.
type bucket struct {
	mu      sync.Mutex
	objects map[string]http.Header
	uploads map[string]*upload
	last    *upload
}

// upload is a multipart upload: the headers that it was begun with, and the sizes of its parts by number.
type upload struct {
	header http.Header
	sizes  map[int]int64
}

const mib = 1 << 20

// span returns the count of parts, and the smallest and largest size of all but the last one.
func (u *upload) span() (count int, least, most int64) {
	highest := 0
	for number := range u.sizes {
		highest = max(highest, number)
	}
	for number, size := range u.sizes {
		if number != highest {
			if least == 0 || size < least {
				least = size
			}
			most = max(most, size)
		}
	}
	return len(u.sizes), least, most
}

var blocks = sync.Pool{New: func() any { b := make([]byte, 1<<20); return &b }}

// drain reads a body and returns its length and last bytes.
func drain(body io.Reader) (int64, []byte) {
	block := blocks.Get().(*[]byte)
	defer blocks.Put(block)
	var total int64
	var tail []byte
	for {
		n, err := body.Read(*block)
		total += int64(n)
		tail = append(tail, (*block)[max(0, n-128):n]...)
		tail = append([]byte(nil), tail[max(0, len(tail)-128):]...)
		if err != nil {
			return total, tail
		}
	}
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case r.Method == "PUT":
		b.mu.Unlock()
		size, tail := drain(r.Body)
		b.mu.Lock()
		sum := r.Header.Get("X-Amz-Checksum-Crc64nvme")
		if name := []byte("x-amz-checksum-crc64nvme:"); bytes.Contains(tail, name) {
			sum = strings.TrimSpace(string(tail[bytes.Index(tail, name)+len(name):]))
		}
		w.Header().Set("ETag", `"0"`)
		if sum != "" {
			w.Header().Set("x-amz-checksum-crc64nvme", sum)
		}
		if part := query.Get("partNumber"); part != "" {
			if !b.takes(query.Get("uploadId"), part, r.Header.Get("X-Amz-Decoded-Content-Length"), size) {
				w.WriteHeader(http.StatusBadRequest)
			}
		} else {
			r.Header.Set("X-Size", strconv.FormatInt(size, 10))
			b.objects[r.URL.Path] = r.Header
		}
	case r.Method == "HEAD":
		kept, found := b.objects[r.URL.Path]
		if !found {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("ETag", `"0"`)
		w.Header().Set("Content-Length", kept.Get("X-Size"))
		w.Header().Set("Content-Type", kept.Get("Content-Type"))
		w.Header().Set("x-amz-checksum-crc64nvme", kept.Get("X-Amz-Checksum-Crc64nvme"))
		for name, values := range kept {
			if strings.HasPrefix(name, "X-Amz-Meta-") {
				w.Header().Set(name, values[0])
			}
		}
	case r.Method == "POST" && query.Has("uploads"):
		id := strconv.Itoa(len(b.uploads) + 1)
		b.uploads[id] = &upload{header: r.Header, sizes: map[int]int64{}}
		fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", id)
	case r.Method == "POST":
		drain(r.Body)
		done := b.uploads[query.Get("uploadId")]
		count, least, most := done.span()
		var total int64
		for _, size := range done.sizes {
			total += size
		}
		if count > 1 && (least < 5*mib || most > 5*1024*mib) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, "<Error><Code>EntityTooSmall</Code></Error>")
			return
		}
		b.last = done
		kept := done.header
		kept.Set("X-Size", strconv.FormatInt(total, 10))
		kept.Set("X-Amz-Checksum-Crc64nvme", r.Header.Get("X-Amz-Checksum-Crc64nvme"))
		b.objects[r.URL.Path] = kept
		fmt.Fprint(w, "<CompleteMultipartUploadResult><ETag>0</ETag></CompleteMultipartUploadResult>")
	case r.Method == "GET":
		fmt.Fprint(w, "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>")
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// takes records a part; false if S3 would reject it. The received size includes the framing, so the stated one is used.
func (b *bucket) takes(id, part, stated string, received int64) bool {
	number, err := strconv.Atoi(part)
	size, plain := strconv.ParseInt(stated, 10, 64)
	if plain != nil {
		size = received
	}
	open := b.uploads[id]
	if err != nil || open == nil || number < 1 || number > 10000 || size > 5*1024*mib {
		return false
	}
	open.sizes[number] = size
	return true
}

// paced writes at most rate bytes per second.
type paced struct {
	http.ResponseWriter
	rate  float64
	begun time.Time
	sent  float64
}

func (p *paced) Write(data []byte) (int, error) {
	n, err := p.ResponseWriter.Write(data)
	p.sent += float64(n)
	ahead := time.Duration(p.sent/p.rate*1e9) - time.Since(p.begun)
	if ahead > 2*time.Millisecond {
		time.Sleep(ahead)
	}
	return n, err
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address")
	cert := flag.String("cert", "", "certificate file")
	key := flag.String("key", "", "key file")
	flag.Parse()
	block := make([]byte, 16<<20+7)
	if _, err := rand.Read(block); err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/source/", func(w http.ResponseWriter, r *http.Request) {
		size, err := strconv.ParseInt(strings.TrimPrefix(r.URL.Path, "/source/"), 10, 64)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("ETag", `"peer"`)
		w.Header().Set("Content-Type", "video/mp4")
		if delay, err := strconv.Atoi(r.URL.Query().Get("delay")); err == nil {
			time.Sleep(time.Duration(delay) * time.Millisecond)
		}
		if rate, err := strconv.ParseFloat(r.URL.Query().Get("rate"), 64); err == nil {
			w = &paced{ResponseWriter: w, rate: rate, begun: time.Now()}
		}
		http.ServeContent(w, r, "", time.Time{}, &ring{block: block, size: size})
	})
	mux.HandleFunc("/stream/", func(w http.ResponseWriter, r *http.Request) {
		size, err := strconv.ParseInt(strings.TrimPrefix(r.URL.Path, "/stream/"), 10, 64)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "video/mp4")
		for rest := size; rest > 0; {
			n := min(rest, mib)
			if _, err := w.Write(block[:n]); err != nil {
				return
			}
			rest -= n
		}
	})
	kept := &bucket{objects: map[string]http.Header{}, uploads: map[string]*upload{}}
	mux.HandleFunc("/parts", func(w http.ResponseWriter, _ *http.Request) {
		kept.mu.Lock()
		defer kept.mu.Unlock()
		if kept.last == nil {
			fmt.Fprint(w, "{}")
			return
		}
		count, least, most := kept.last.span()
		fmt.Fprintf(w, `{"count": %d, "smallest": %d, "largest": %d}`, count, least, most)
	})
	mux.Handle("/", kept)
	server := &http.Server{Addr: *listen, Handler: mux}
	log.Fatal(server.ListenAndServeTLS(*cert, *key))
}
