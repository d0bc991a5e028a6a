"""The whole way of a prediction, shown in twelve stages over the public interfaces only; also the end-to-end test."""
