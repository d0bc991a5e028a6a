"""What should run against what does run: the difference as a list of actions. Pure and level-triggered.

Desired state is compared with what is *observed* (what a backend lists, what heartbeats say), never with what was done
last time. The log of past actions serves one purpose: to notice a crash loop and back off. Streaming drivers and model
endpoints go by the same rules.
"""
