"""The configuration's users and peers into the deployed secrets, as `nephele secrets push` does."""

from __future__ import annotations

from infra.local.aws.clients import RootClients
from infra.local.inventory import Inventory
from infra.local.options import LocalOptions
from nephele.services.peers.secrets import encode_peer_secrets
from nephele.services.users import decode_users, encode_users, is_user
from nephele.settings.configuration import Configuration


def push_users(clients: RootClients, inventory: Inventory, configuration: Configuration) -> None:
    """Write the users, unless they are there already: hashing is slow on purpose."""
    users = configuration.registered_users
    known = decode_users(
        clients.secrets.get_secret_value(SecretId=inventory.users_secret)["SecretString"]
    )
    is_same = users.keys() == known.keys() and all(
        is_user(known, name, password) for name, password in users.items()
    )
    if not is_same:
        clients.secrets.put_secret_value(
            SecretId=inventory.users_secret, SecretString=encode_users(users)
        )


def push_peers(clients: RootClients, inventory: Inventory, options: LocalOptions) -> None:
    """Write what is secret of the peers, and the contents of files that the configuration names."""
    clients.secrets.put_secret_value(
        SecretId=inventory.peers_secret,
        SecretString=encode_peer_secrets(options.configuration, options.configured_in),
    )
