"""The coaching chat: answers from a golfer's stored data, by a model or by rules. It knows no HTTP and no database."""
