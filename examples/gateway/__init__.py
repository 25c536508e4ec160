"""An OpenAI gateway and the engines behind it, in processes of their own: ``python -m gateway`` starts all of them."""
