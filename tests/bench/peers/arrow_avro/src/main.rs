//! Reading archives in Rust: arrow-avro decodes the four columns that are needed, a hash map counts per service and minute.
//!
//! usage: arrow_avro OUT FILE...
//!
//! One thread for each CPU that the process may use takes files from a queue. OUT gets SERVICE,MINUTE,TOTAL,ERRORS,SLOW, MINUTE in
//! seconds since 1970.
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMillisecondType};
use arrow_array::RecordBatch;
use arrow_avro::reader::ReaderBuilder;
use hashbrown::HashMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::sync::Mutex;

const COLUMNS: [usize; 4] = [1, 3, 6, 7]; // service, ts, status, latency_us
const ROWS: usize = 8192;
const BUFFER_SIZE: usize = 1 << 20;
const MINUTE_MS: i64 = 60_000;
const SLOW_US: i64 = 300_000;

#[derive(Default)]
struct Tally {
    ids: HashMap<String, u32>,
    names: Vec<String>,
    counts: HashMap<(u32, i64), [u64; 3]>, // by service and minute: total, errors, slow
}

impl Tally {
    #[inline]
    fn id(&mut self, service: &str) -> u32 {
        if let Some(&id) = self.ids.get(service) {
            return id;
        }
        let id = self.names.len() as u32;
        self.ids.insert(service.to_string(), id);
        self.names.push(service.to_string());
        id
    }

    #[inline]
    fn add(&mut self, service: &str, time_ms: i64, status: i32, latency_us: i64) {
        let id = self.id(service);
        let minute_ms = time_ms - time_ms.rem_euclid(MINUTE_MS);
        let counts = self.counts.entry((id, minute_ms)).or_default();
        counts[0] += 1;
        counts[1] += (status >= 500) as u64;
        counts[2] += (status < 500 && latency_us > SLOW_US) as u64;
    }

    fn add_batch(&mut self, batch: &RecordBatch) {
        let service = batch.column_by_name("service").unwrap().as_string::<i32>();
        let time = batch.column_by_name("ts").unwrap();
        let time = time.as_primitive::<TimestampMillisecondType>();
        let status = batch.column_by_name("status").unwrap();
        let status = status.as_primitive::<Int32Type>();
        let latency = batch.column_by_name("latency_us").unwrap();
        let latency = latency.as_primitive::<Int64Type>();
        for i in 0..batch.num_rows() {
            self.add(
                service.value(i),
                time.value(i),
                status.value(i),
                latency.value(i),
            );
        }
    }

    fn merge(&mut self, other: Tally) {
        for ((id, minute_ms), from) in other.counts {
            let id = self.id(&other.names[id as usize]);
            let counts = self.counts.entry((id, minute_ms)).or_default();
            for (count, more) in counts.iter_mut().zip(from) {
                *count += more;
            }
        }
    }

    fn write(&self, path: &str) -> std::io::Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        for ((id, minute_ms), [total, errors, slow]) in &self.counts {
            let service = &self.names[*id as usize];
            let minute = minute_ms / 1000;
            writeln!(out, "{service},{minute},{total},{errors},{slow}")?;
        }
        out.flush()
    }
}

fn read(path: &str, tally: &mut Tally) {
    let file = BufReader::with_capacity(BUFFER_SIZE, File::open(path).unwrap());
    let builder = ReaderBuilder::new()
        .with_batch_size(ROWS)
        .with_projection(COLUMNS.to_vec());
    for batch in builder.build(file).unwrap() {
        tally.add_batch(&batch.unwrap());
    }
}

fn work(files: &Mutex<Vec<String>>) -> Tally {
    let mut tally = Tally::default();
    loop {
        let next = files.lock().unwrap().pop();
        match next {
            Some(path) => read(&path, &mut tally),
            None => return tally,
        }
    }
}

fn main() {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if words.len() < 2 {
        eprintln!("usage: arrow_avro OUT FILE...");
        std::process::exit(2);
    }
    let out = words.remove(0);
    let files = Mutex::new(words);
    let threads = std::thread::available_parallelism().unwrap().get();
    let mut all = Tally::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(&files))).collect();
        for worker in workers {
            all.merge(worker.join().unwrap());
        }
    });
    all.write(&out).unwrap();
}
