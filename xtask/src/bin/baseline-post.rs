//! The least that any hook must do: one process that makes one HTTP POST. `cargo xtask bench`
//! measures it beside the notify hook.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("usage: baseline-post URL")?;
    ureq::post(url).content_type("application/x-protobuf").send(&[0_u8; 8192][..])?;
    Ok(())
}
