//! Cookies for whoever has exchanged keys: sealed by the master keys of the moment, each with a nonce of its own. What is in one is `crate::nts`'s.

use crate::nts::{KeySet, SessionKeys, clear_stack};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::watch;

/// The thread's own: sealing changes a key's schedule.
pub(super) struct Sealer {
    news: watch::Receiver<Arc<KeySet>>,
    keys: KeySet,
    random: ChaCha20Rng,
}

impl Sealer {
    /// `seed` is secret, and nobody else's.
    pub(super) fn new(mut news: watch::Receiver<Arc<KeySet>>, seed: [u8; 32]) -> Self {
        let keys = newest(&mut news);
        clear_stack();
        Self { news, keys, random: ChaCha20Rng::from_seed(seed) }
    }

    /// Takes other keys when there are some: while nobody exchanges keys, those of before would not be erased here.
    pub(super) async fn follow(this: Rc<RefCell<Self>>) {
        let mut news = this.borrow().news.clone();
        while news.changed().await.is_ok() {
            this.borrow_mut().take_keys();
        }
    }

    fn take_keys(&mut self) {
        if self.news.has_changed().unwrap_or(false) {
            self.keys = newest(&mut self.news);
            clear_stack();
        }
    }

    /// So many for these keys, no two the same. `None` only if there is no master key to seal with.
    pub(super) fn cookies(&mut self, keys: &SessionKeys, count: usize) -> Option<Vec<Vec<u8>>> {
        self.take_keys();
        let cookie = |_| {
            let mut nonce = [0; 16];
            self.random.fill_bytes(&mut nonce);
            let mut cookie = vec![0; KeySet::LONGEST_COOKIE];
            let length = self.keys.seal(keys, nonce, &mut cookie)?;
            cookie.truncate(length);
            Some(cookie)
        };
        (0..count).map(cookie).collect()
    }
}

/// Never part of its caller, whose stack is not cleared.
#[inline(never)]
fn newest(news: &mut watch::Receiver<Arc<KeySet>>) -> KeySet {
    KeySet::clone(&news.borrow_and_update())
}
