"""``python -m sagellm_protocol``: the command line, where the script is not on the path."""

from sagellm_protocol.cli import main

if __name__ == "__main__":
    main(prog_name="python -m sagellm_protocol")
