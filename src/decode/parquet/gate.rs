//! Pages one at a time: the reader of a column would otherwise go on to the next page, with the values of the last one in
//! memory, until it has all rows of a batch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ::parquet::column::page::{Page, PageMetadata, PageReader};
use ::parquet::errors::Result;

/// Lets pages of values pass when it is told to.
#[derive(Debug, Default)]
pub(super) struct Gate {
    is_open: AtomicBool,
    is_at_end: AtomicBool,
}

impl Gate {
    /// Puts a gate before the pages of a column.
    pub(super) fn before(pages: Box<dyn PageReader>) -> (Arc<Self>, Box<dyn PageReader>) {
        let gate = Arc::new(Self::default());
        let gated = Gated {
            gate: Arc::clone(&gate),
            pages,
        };
        (gate, Box::new(gated))
    }

    /// Lets one page of values pass, and a dictionary before it. To the reader it is as if there were no more.
    pub(super) fn let_a_page_pass(&self) {
        self.is_open.store(true, Ordering::Relaxed);
    }

    /// Tells whether all pages have passed.
    pub(super) fn is_at_end(&self) -> bool {
        self.is_at_end.load(Ordering::Relaxed)
    }
}

struct Gated {
    gate: Arc<Gate>,
    pages: Box<dyn PageReader>,
}

impl PageReader for Gated {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        if !self.gate.is_open.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let page = self.pages.get_next_page()?;
        match page {
            None => self.gate.is_at_end.store(true, Ordering::Relaxed),
            Some(Page::DictionaryPage { .. }) => {}
            Some(Page::DataPage { .. } | Page::DataPageV2 { .. }) => {
                self.gate.is_open.store(false, Ordering::Relaxed);
            }
        }
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }
}

impl Iterator for Gated {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}
