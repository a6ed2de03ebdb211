"""The AWS face from ASGI to handlers, asked as botocore's clients ask."""

import asyncio
import base64
import json
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore import parsers
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from entrepot.aws.gateway import Gateway
from entrepot.aws.service import Service
from entrepot.identity import accounts, credentials, deployment
from entrepot.identity.credentials import Vault
from entrepot.identity.directory import Directory
from entrepot.identity.principals import root_of
from entrepot.runtime import Runtime
from entrepot.services import sts
from entrepot.settings import Settings
from entrepot.storage.drivers import open_store
from tests.support.database import database_in
from tests.unit.aws import handlers

ACCOUNT = "123456789012"
TARGET = "AmazonEC2ContainerRegistry_V20150921"
