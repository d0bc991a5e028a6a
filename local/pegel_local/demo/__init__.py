"""The whole way of a prediction, shown in ten stages over the public doors only; also the end-to-end test."""
