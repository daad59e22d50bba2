[limit(5; repeat(1))] | implode
---
null