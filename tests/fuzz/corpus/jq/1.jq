.failed
---
{"failed":true}