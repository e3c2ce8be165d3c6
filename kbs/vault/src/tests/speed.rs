//! How fast releases are. Run by hand: `cargo test --release -p hanzo-kbs-vault speed -- --ignored
//! --nocapture`.

use super::*;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
async fn speed_of_releases() {
    let bench = Bench::with_key().await;
    for (name, tasks) in [("one after another", 1_u64), ("16 at a time", 16)] {
        let (start, mut handles) = (Instant::now(), Vec::new());
        let (bench, each) = (&bench, 2000 / tasks);
        for task in 0..tasks {
            let vault = bench.vault.clone();
            let orders: Vec<Order> = (0..each)
                .map(|count| {
                    let mut order = bench.order("acme/model", 1, 10);
                    let mut hash = [0; 32];
                    let label = format!("{name} {task} {count}");
                    hash.copy_from_slice(digest(&SHA256, label.as_bytes()).as_ref());
                    order.nonce = Some(UsedNonce { digest: Hex(hash), expires_at: at(60) });
                    order
                })
                .collect();
            handles.push(tokio::spawn(async move {
                for order in orders {
                    execute(&vault, order).await.unwrap();
                }
            }));
        }
        for handle in handles {
            handle.await.unwrap();
        }
        let took: Duration = start.elapsed();
        println!("{name}: {:.0} releases/s", 2000.0 / took.as_secs_f64());
    }
}
