//! An MCP server over stdio with two tools: `echo` answers, `refuse` fails.

use std::io::{self, BufRead, Write};

use serde_json::{Value, json};

fn main() -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        // A message without an id is a notification: it gets no answer.
        let Some(id) = request.get("id") else { continue };
        let answer = match answer(&request) {
            Some(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            None => json!({ "jsonrpc": "2.0", "id": id,
                "error": { "code": -32601, "message": "unknown method" } }),
        };
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{answer}")?;
        stdout.flush()?;
    }
    Ok(())
}

fn answer(request: &Value) -> Option<Value> {
    let parameters = &request["params"];
    match request["method"].as_str()? {
        "initialize" => Some(json!({
            "protocolVersion": parameters["protocolVersion"],
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "echo", "version": "1" },
        })),
        "tools/list" => Some(json!({ "tools": [tool("echo"), tool("refuse")] })),
        "tools/call" => {
            let refused = parameters["name"] == "refuse";
            let said = parameters["arguments"]["text"].as_str().unwrap_or_default();
            let text = if refused { "not today".to_owned() } else { format!("you said {said}") };
            Some(json!({ "content": [{ "type": "text", "text": text }], "isError": refused }))
        }
        _ => None,
    }
}

fn tool(name: &str) -> Value {
    let text = json!({ "type": "object", "properties": { "text": { "type": "string" } } });
    json!({ "name": name, "description": name, "inputSchema": text })
}
