// The same work as crdt_bench.cc by yrs, with the same output.
use std::time::Instant;
use yrs::updates::decoder::Decode;
use yrs::{Doc, ReadTxn, StateVector, Transact, Update};

const REPEATS: u32 = 10;

fn apply(doc: &Doc, bytes: &[u8]) {
    let update = Update::decode_v1(bytes).expect("an update");
    doc.transact_mut().apply_update(update).expect("applied");
}

fn encode(doc: &Doc) -> Vec<u8> {
    doc.transact().encode_state_as_update_v1(&StateVector::default())
}

fn round(updates: &[&[u8]]) -> String {
    let doc = Doc::new();
    let begin = Instant::now();
    for update in updates {
        apply(&doc, update);
    }
    let applied = begin.elapsed().as_secs_f64();
    let state = encode(&doc);
    let begin = Instant::now();
    for _ in 0..REPEATS {
        apply(&Doc::new(), &state);
    }
    let loaded = begin.elapsed().as_secs_f64() / f64::from(REPEATS);
    let begin = Instant::now();
    for _ in 0..REPEATS {
        encode(&doc);
    }
    let encoded = begin.elapsed().as_secs_f64() / f64::from(REPEATS);
    format!("{} {} {} {} {}", updates.len(), state.len(), applied, loaded, encoded)
}

fn main() {
    let path = std::env::args().nth(1).expect("usage: yrs_bench LOG");
    let bytes = std::fs::read(path).expect("a log");
    let mut updates = Vec::new();
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
        updates.push(&rest[4..4 + length]);
        rest = &rest[4 + length..];
    }
    round(&updates);
    println!("{}", round(&updates));
}
