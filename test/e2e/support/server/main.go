// A server and a client in one static program, for Pods of tests: what the image of a real application would be.
//
//	testserver [-port 8080] [-traffic URL,URL…]   serve; and ask each URL ten times a second, for ever
//	testserver copy FROM TO                       copy a file, as an init container does
package main

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	pause    = 100 * time.Millisecond
	patience = 2 * time.Second
)

// Counts of one kind of request to one URL since the start of the process.
type counts struct {
	Sent   int      `json:"sent"`
	Failed int      `json:"failed"`
	Errors []string `json:"errors"`
}

var (
	lock    sync.Mutex
	traffic = map[string]*counts{}
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == "copy" {
		content, err := os.ReadFile(os.Args[2])
		if err == nil {
			err = os.WriteFile(os.Args[3], content, 0o600)
		}
		if err != nil {
			log.Fatal(err)
		}
		return
	}
	// The first process of a container must ask for it, else a node's shutdown waits 90 s for it.
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	go func() {
		<-ended
		os.Exit(0)
	}()
	port := flag.Int("port", 8080, "")
	urls := flag.String("traffic", "", "")
	flag.Parse()
	for _, url := range strings.FieldsFunc(*urls, func(r rune) bool { return r == ',' }) {
		go send("new "+url, url, true)
		go send("kept "+url, url, false)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, os.Getenv("POD_NAME")) })
	http.HandleFunc("/ask", askMany)
	http.HandleFunc("/resolve", resolve)
	http.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, r.FormValue("path")) })
	http.HandleFunc("/env", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, os.Getenv(r.FormValue("name"))) })
	http.HandleFunc("/traffic", func(w http.ResponseWriter, _ *http.Request) {
		lock.Lock()
		defer lock.Unlock()
		answer(w, traffic)
	})
	log.Fatal(http.ListenAndServe(":"+strconv.Itoa(*port), nil))
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(value)
}

func client(fresh bool) *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: fresh}}
}

func get(c *http.Client, url string) (string, error) {
	response, err := c.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

func send(name, url string, fresh bool) {
	c := client(fresh)
	own := &counts{Errors: []string{}}
	lock.Lock()
	traffic[name] = own
	lock.Unlock()
	for {
		_, err := get(c, url)
		lock.Lock()
		own.Sent++
		if err != nil {
			own.Failed++
			own.Errors = append(own.Errors, time.Now().Format(time.RFC3339Nano)+" "+err.Error())
			own.Errors = own.Errors[max(0, len(own.Errors)-20):]
		}
		lock.Unlock()
		time.Sleep(pause)
	}
}

// /ask?url=U&times=N: the answers, each on a connection of its own, asked at the same time; or the error.
func askMany(w http.ResponseWriter, r *http.Request) {
	times, _ := strconv.Atoi(r.FormValue("times"))
	results := make([]string, max(times, 1))
	var all sync.WaitGroup
	for n := range results {
		all.Go(func() {
			body, err := get(client(true), r.FormValue("url"))
			if err != nil {
				body = "error: " + err.Error()
			}
			results[n] = body
		})
	}
	all.Wait()
	answer(w, results)
}

// /resolve?name=N: IPv4 addresses, or the error.
func resolve(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", r.FormValue("name"))
	if err != nil {
		answer(w, []string{"error: " + err.Error()})
		return
	}
	answer(w, addresses)
}
