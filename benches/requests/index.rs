//! What the index of users costs that no request shows.

use benches::median;
use benches::users::{resident, timed};
use local::Local;
use shared::catalog::Catalog;
use shared::index::{Filter, Wanted, words};
use shared::{BoxError, Config};

/// Searches of a process that has the index.
const WARM: usize = 20;

/// Searches by a catalog that knows nothing yet, and again, and says what memory it holds then.
pub(super) async fn held(local: &Local, config: Config) -> Result<String, BoxError> {
    let wanted = Wanted {
        filter: Filter {
            words: words("ser000042"),
            ..Filter::default()
        },
        limit: 10,
        ..Wanted::default()
    };
    let before = resident()?;
    let catalog = Catalog::new(config, local.dynamodb(), local.s3());
    let search = async || {
        catalog.page(&wanted, None).await?;
        Ok(())
    };
    let cold = timed(Box::pin(search())).await?;
    let mut warm = Vec::new();
    for _ in 0..WARM {
        warm.push(timed(Box::pin(search())).await?);
    }
    let held = resident()?.saturating_sub(before) >> 10;
    Ok(format!(
        "a search of the index without a request: the first of a process {cold:.1} ms, later ones {:.2} ms; it holds \
         {held} MiB more",
        median(&warm)
    ))
}
