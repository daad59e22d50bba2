try error("x") catch .
---
null