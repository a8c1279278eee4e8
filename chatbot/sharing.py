"""An address outside for a chat on this machine: the tunnel of Gradio's own servers.

The only part of the chat that asks another machine for anything. Gradio fetches the tunnel's
program (frpc, with a checksum) and an address from its servers, through which all that is said
then passes.
"""

import secrets


def share(host: str, port: int) -> str:
    """Open a tunnel to an address of this machine; returns its own. It ends with this process.

    Raises:
        ValueError: in one sentence, where that fails
    """
    from gradio import networking

    try:
        return networking.setup_tunnel(host, port, secrets.token_urlsafe(32), None, None)
    except Exception as error:  # of many kinds: network, file system, checksum, frpc's own
        why = " ".join(str(error).split())[:200]
        raise ValueError(
            f"The chat cannot be shared ({why}): look at the network, or use --host with "
            "--allow-remote."
        ) from error
