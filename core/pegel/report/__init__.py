"""What people see: words, pictures, mails, and one self-contained page per model. Reads; decides nothing."""
