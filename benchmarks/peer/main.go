// Command peer is what the data path is measured against: a source that serves random bytes with ranges, and an S3 bucket
// that takes everything and keeps nothing. Both cost less than what is measured. It believes the checksums it is told.
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
	uploads map[string]http.Header
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
		if !query.Has("partNumber") {
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
		b.uploads[id] = r.Header
		fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", id)
	case r.Method == "POST":
		drain(r.Body)
		kept := b.uploads[query.Get("uploadId")]
		kept.Set("X-Size", r.Header.Get("X-Amz-Mp-Object-Size"))
		kept.Set("X-Amz-Checksum-Crc64nvme", r.Header.Get("X-Amz-Checksum-Crc64nvme"))
		b.objects[r.URL.Path] = kept
		fmt.Fprint(w, "<CompleteMultipartUploadResult><ETag>0</ETag></CompleteMultipartUploadResult>")
	case r.Method == "GET":
		fmt.Fprint(w, "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>")
	default:
		w.WriteHeader(http.StatusNoContent)
	}
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
		http.ServeContent(w, r, "", time.Time{}, &ring{block: block, size: size})
	})
	mux.Handle("/", &bucket{objects: map[string]http.Header{}, uploads: map[string]http.Header{}})
	server := &http.Server{Addr: *listen, Handler: mux}
	log.Fatal(server.ListenAndServeTLS(*cert, *key))
}
