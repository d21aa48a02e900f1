//! A target of one's own: an exporter that has a line per turn with its tokens and what they cost.

use std::io::{self, Write};
use std::sync::Mutex;

use exporters::{ExportError, Exporter, Receipt};
use otlp_model::{SpanBatch, SpanKind, TreeOptions};
use pricing::{PriceTable, TokenUsage, UnixSeconds};

/// Writes to whatever it is given.
struct Accounts<W> {
    prices: &'static PriceTable,
    output: Mutex<W>,
}

impl<W: Write + Send> Exporter for Accounts<W> {
    fn target(&self) -> &str {
        "accounts"
    }

    fn export(&self, batch: &SpanBatch) -> Result<Receipt, ExportError> {
        let (mut tokens, mut usd) = (0, 0.0);
        for call in batch.spans.iter().filter(|span| span.kind == SpanKind::Llm) {
            let count = |name| call.int(name).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
            let usage = TokenUsage {
                input: count("llm.token_count.prompt"),
                output: count("llm.token_count.completion"),
                ..TokenUsage::default()
            };
            let end = UnixSeconds::of_nanos(call.end.0);
            let model = call.text("llm.model_name").unwrap_or_default();
            tokens += usage.input + usage.output;
            usd += self.prices.cost(model, None, usage, end).map_or(0.0, |cost| cost.total());
        }
        let Some(root) = batch.spans.first() else { return Ok(Receipt { spans: 0 }) };
        let session = root.text("session.id").unwrap_or_default();
        // An error is the reason to send the batch again: to a queue, it says how.
        let failed = |source| ExportError::WriteFile { place: "accounts".to_owned(), source };
        let mut output = self.output.lock().map_err(|_| failed(io::ErrorKind::Other.into()))?;
        writeln!(output, "{session}: {tokens} tokens, {usd:.4} USD").map_err(failed)?;
        Ok(Receipt { spans: batch.spans.len() })
    }
}

fn main() -> Result<(), ExportError> {
    let accounts = Accounts { prices: PriceTable::builtin(), output: Mutex::new(io::stdout()) };
    let batch = SpanBatch::of(&examples::turn(), "accounts", &TreeOptions::default());
    accounts.export(&batch).map(drop)
}
