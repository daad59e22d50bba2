1e18 | todate
---
null