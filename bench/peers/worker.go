// SPDX-License-Identifier: BSD-2-Clause

// The worker for Go's channels and goroutines; see ../worker.h for what it says.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"time"
)

// Operations before those that count: the caches belong to other programs by then.
const warmUps = 1000

type small [32]byte
type message [64]byte

// Round trip through two unbuffered channels.
func channel(nr int) time.Duration {
	there, back := make(chan small), make(chan small)
	go func() {
		for m := range there {
			back <- m
		}
		close(back)
	}()
	var m small
	start := time.Now()
	for i := 0; i < nr; i++ {
		there <- m
		m = <-back
	}
	took := time.Since(start)
	close(there)
	<-back
	return took
}

// One way through a buffered channel.
func buffered(nr int) time.Duration {
	there, done := make(chan message, 512), make(chan byte)
	go func() {
		for range there {
		}
		done <- 1
	}()
	var m message
	start := time.Now()
	for i := 0; i < nr; i++ {
		there <- m
	}
	close(there)
	<-done
	return time.Since(start)
}

var nrRun int

func nothing() {
	nrRun++
}

// Create a goroutine, let it run and exit. The scheduler runs the newest first.
func spawn(nr int) time.Duration {
	nrRun = 0
	start := time.Now()
	for i := 0; i < nr; i++ {
		go nothing()
		runtime.Gosched()
	}
	for nrRun < nr {
		runtime.Gosched()
	}
	return time.Since(start)
}

// The same, a hundred at a time.
func spawnMany(nr int) time.Duration {
	const many = 100
	nrRun = 0
	start := time.Now()
	for made := 0; made < nr; {
		for i := 0; i < many && made < nr; i++ {
			go nothing()
			made++
		}
		for nrRun < made {
			runtime.Gosched()
		}
	}
	return time.Since(start)
}

func main() {
	runtime.GOMAXPROCS(1)
	tests := map[string]func(int) time.Duration{"chan": channel, "buffered": buffered, "spawn": spawn,
		"spawnMany": spawnMany}
	fmt.Println("ready")
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		var name string
		var nr int
		if n, _ := fmt.Sscan(input.Text(), &name, &nr); n != 2 || tests[name] == nil {
			fmt.Println("error: no such test")
			continue
		}
		tests[name](warmUps)
		fmt.Println(tests[name](nr).Nanoseconds())
	}
}
