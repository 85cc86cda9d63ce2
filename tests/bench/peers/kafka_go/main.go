// The live path in Go: franz-go reads a topic, hamba/avro decodes the four fields that are needed, a map counts per service and minute.
//
// usage: kafka_go OUT BROKER TOPIC SCHEMA
//
// It ends at the offsets that were the last ones at its start. OUT gets SERVICE,MINUTE,TOTAL,ERRORS,SLOW, MINUTE in seconds since 1970.
// There is one goroutine that decodes for each CPU that the process may use; a partition stays with one of them.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"runtime"
	"sync"

	"github.com/hamba/avro/v2"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	prefixSize  = 5 // of Confluent's framing
	slowUs      = 300000
	minuteMs    = 60000
	queueLength = 64
)

// The fields of a request that count; hamba/avro skips all others.
type request struct {
	Service   string `avro:"service"`
	TimeMs    int64  `avro:"ts"`
	Status    int32  `avro:"status"`
	LatencyUs int64  `avro:"latency_us"`
}

type window struct {
	service  string
	minuteMs int64
}

type counts struct{ total, errors, slow int64 }

type tally map[window]*counts

func (t tally) of(w window) *counts {
	c := t[w]
	if c == nil {
		c = &counts{}
		t[w] = c
	}
	return c
}

func (t tally) add(r *request) {
	c := t.of(window{r.Service, r.TimeMs - r.TimeMs%minuteMs})
	c.total++
	if r.Status >= 500 {
		c.errors++
	} else if r.LatencyUs > slowUs {
		c.slow++
	}
}

func (t tally) merge(other tally) {
	for w, from := range other {
		c := t.of(w)
		c.total += from.total
		c.errors += from.errors
		c.slow += from.slow
	}
}

func (t tally) write(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(file)
	for w, c := range t {
		fmt.Fprintf(out, "%s,%d,%d,%d,%d\n", w.service, w.minuteMs/1000, c.total, c.errors, c.slow)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return file.Close()
}

func count(schema avro.Schema, batches <-chan []*kgo.Record) tally {
	t := tally{}
	for records := range batches {
		for _, record := range records {
			if len(record.Value) < prefixSize || record.Value[0] != 0 {
				log.Fatal("a record is not in Confluent's framing")
			}
			var r request
			if err := avro.Unmarshal(schema, record.Value[prefixSize:], &r); err != nil {
				log.Fatal(err)
			}
			t.add(&r)
		}
	}
	return t
}

func open(broker, topic string) (*kgo.Client, int64) {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxPartitionBytes(1<<20))
	if err != nil {
		log.Fatal(err)
	}
	ends, err := kadm.NewClient(client).ListEndOffsets(context.Background(), topic)
	if err != nil {
		log.Fatal(err)
	}
	left := int64(0)
	ends.Each(func(o kadm.ListedOffset) { left += o.Offset })
	return client, left
}

// Hands out what is fetched until the records that were there at the start are read.
func drain(client *kgo.Client, left int64, queues []chan []*kgo.Record) {
	for left > 0 {
		fetches := client.PollFetches(context.Background())
		if errs := fetches.Errors(); len(errs) > 0 {
			log.Fatal(errs)
		}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			left -= int64(len(p.Records))
			queues[int(p.Partition)%len(queues)] <- p.Records
		})
	}
}

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: kafka_go OUT BROKER TOPIC SCHEMA")
	}
	text, err := os.ReadFile(os.Args[4])
	if err != nil {
		log.Fatal(err)
	}
	schema := avro.MustParse(string(text))
	client, left := open(os.Args[2], os.Args[3])
	queues := make([]chan []*kgo.Record, runtime.GOMAXPROCS(0))
	tallies := make([]tally, len(queues))
	var workers sync.WaitGroup
	for i := range queues {
		queues[i] = make(chan []*kgo.Record, queueLength)
		workers.Add(1)
		go func() {
			defer workers.Done()
			tallies[i] = count(schema, queues[i])
		}()
	}
	drain(client, left, queues)
	for _, queue := range queues {
		close(queue)
	}
	workers.Wait()
	all := tally{}
	for _, t := range tallies {
		all.merge(t)
	}
	if err := all.write(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}
