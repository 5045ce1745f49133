//! Time of one decision of the official engine; the counterpart of bench/cedar_applications.c, which says what is
//! measured. Arguments: a folder with policies.cedar, entities.json and requests.jsonl, and a number of decisions.
use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request};
use serde_json::Value;
use std::{env, fs, hint::black_box, path::Path, time::Instant};

fn request(text: &str) -> Request {
    let mut fields: Value = serde_json::from_str(text).expect("a request is JSON");
    let mut uid = |name: &str| EntityUid::from_json(fields[name].take()).expect("an entity");
    let (principal, action, resource) = (uid("principal"), uid("action"), uid("resource"));
    let context = Context::from_json_value(fields["context"].take(), None).expect("a context");
    Request::new(principal, action, resource, context, None).expect("a request")
}

fn measure(count: usize, mut decide: impl FnMut(usize) -> Decision) -> (u64, u64, usize) {
    let mut times = Vec::with_capacity(count);
    let mut allowed = 0;
    for i in 0..count + count / 10 {
        let from = Instant::now();
        let decision = black_box(decide(i));
        let time = from.elapsed().as_nanos() as u64;
        if i >= count / 10 {
            times.push(time); // the first ones warm up
            allowed += usize::from(decision == Decision::Allow);
        }
    }
    times.sort_unstable();
    (times[count / 2], times[count / 100 * 99], allowed)
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let folder = Path::new(&arguments[1]);
    let count: usize = arguments[2].parse().expect("a number of decisions");
    let read = |name| fs::read_to_string(folder.join(name)).expect("a file of the case");
    let policies: PolicySet = read("policies.cedar").parse().expect("policies");
    let entities = Entities::from_json_str(&read("entities.json"), None).expect("entities");
    let lines = read("requests.jsonl");
    let texts: Vec<&str> = lines.lines().collect();
    let requests: Vec<Request> = texts.iter().map(|text| request(text)).collect();
    let authorizer = Authorizer::new();
    let decide = |request: &Request| authorizer.is_authorized(request, &policies, &entities).decision();
    let memory = measure(count, |i| decide(&requests[i % requests.len()]));
    let json = measure(count, |i| decide(&request(texts[i % texts.len()])));
    println!("{} {} {} {} {} {}", memory.0, memory.1, memory.2, json.0, json.1, json.2);
}
