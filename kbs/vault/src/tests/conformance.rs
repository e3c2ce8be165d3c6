use crate::{Sqlite, conformance};

#[tokio::test]
async fn sqlite_does_what_every_backend_has_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let count = std::cell::Cell::new(0);
    let checked = conformance::check(|| {
        count.set(count.get() + 1);
        let path = folder.path().join(format!("{}.db", count.get()));
        async { Sqlite::open(path).await.unwrap() }
    })
    .await;
    assert_eq!(checked, Ok(()));
    assert!(count.get() >= 9);
}
