.fields.server.kind == "physical"
---
{"fields":{"server":{"kind":"physical"}}}