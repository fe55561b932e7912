# SPDX-License-Identifier: BSD-2-Clause
"""Webhooks.

Reference: https://docs.daily.co/reference/rest-api/webhooks
"""

from collections.abc import Iterable
from typing import Any, Literal

from pipecat_daily_rest._core import arguments
from pipecat_daily_rest._core.secret import secret
from pipecat_daily_rest._http.retry import Repeat
from pipecat_daily_rest._rest import phone_checks as checks
from pipecat_daily_rest._rest.endpoints.base import Methods, delete, segment, unquoted
from pipecat_daily_rest.answers import DailyWebhook
from pipecat_daily_rest.answers.answer import read_list
from pipecat_daily_rest.models.lenient import without_nulls

RetryType = Literal["circuit-breaker", "exponential"]


class WebhookMethods(Methods):
    """Webhooks: Daily sends events to a URL; `pipecat_daily_rest.webhooks` reads them."""

    async def list_webhooks(self) -> list[DailyWebhook]:
        """List the webhooks.

        Reference: https://docs.daily.co/reference/rest-api/webhooks/get-webhooks

        Returns:
            The webhooks, usually one.

        Raises:
            DailyAPIError: ``code`` is ``invalid-plan-type``: the account has no payment card.
            DailyError: Daily gave no usable answer.
        """
        what = "Unable to list the webhooks"
        data = await self.api.request("GET", "/webhooks", what=what)
        return [DailyWebhook.read(each, what=what) for each in read_list(data, None, what=what)]

    async def get_webhook(self, webhook_id: str) -> DailyWebhook:
        """Look a webhook up.

        Reference: https://docs.daily.co/reference/rest-api/webhooks/get-webhook

        Args:
            webhook_id: Its ``uuid``.

        Returns:
            The webhook.

        Raises:
            DailyNotFoundError: It does not exist.
            DailyError: Daily gave no usable answer.
        """
        path, what = self._webhook(webhook_id), "Unable to get the webhook"
        data = await self.api.request("GET", path, what=what)
        # Daily's documents show an array here, and an object elsewhere.
        if isinstance(data, list) and len(data) == 1:
            [data] = data
        return DailyWebhook.read(data, what=what)

    async def create_webhook(
        self,
        url: str,
        *,
        event_types: Iterable[str] | None = None,
        hmac: str | None = None,
        basic_auth: str | None = None,
        retry_type: RetryType | None = None,
    ) -> DailyWebhook:
        """Create a webhook. Daily tests the URL first, which must answer 200 at once.

        After a lost response it is not created again; `list_webhooks` shows whether it was.

        Reference: https://docs.daily.co/reference/rest-api/webhooks/create-webhook

        Args:
            url: Where Daily sends the events.
            event_types: Which events, as ``participant.joined``; Daily's default when None.
            hmac: What they are signed with, in base64; Daily chooses one when None.
            basic_auth: Credentials that Daily sends to the URL.
            retry_type: ``circuit-breaker`` stops the webhook after three failures in a row,
                ``exponential`` repeats each event up to five times; the former when None.

        Returns:
            The webhook, with its ``hmac``.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
            DailyError: Daily did not create it: for instance, the URL did not answer the test.
        """
        hmac, basic_auth = secret(hmac), secret(basic_auth)
        what = "Unable to create the webhook"
        body = {
            "url": checks.web_url("url", url),
            **_body(event_types, hmac, basic_auth, retry_type),
        }
        with unquoted(hmac, basic_auth):
            return await self._ask(
                DailyWebhook, "POST", "/webhooks", what, json=body, repeat=Repeat.UNSENT
            )

    async def update_webhook(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        event_types: Iterable[str] | None = None,
        hmac: str | None = None,
        basic_auth: str | None = None,
        retry_type: RetryType | None = None,
    ) -> DailyWebhook:
        """Change a webhook. One that Daily has stopped is active again, even without a change.

        Reference: https://docs.daily.co/reference/rest-api/webhooks/update-webhook

        Args:
            webhook_id: Its ``uuid``.
            url: As in `create_webhook`; None does not change it, as with the others.
            event_types: Which events, all of them.
            hmac: What they are signed with, in base64.
            basic_auth: Credentials that Daily sends to the URL.
            retry_type: ``circuit-breaker`` or ``exponential``.

        Returns:
            The webhook.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
            DailyNotFoundError: It does not exist.
            DailyError: Daily did not change it.
        """
        hmac, basic_auth = secret(hmac), secret(basic_auth)
        path, what = self._webhook(webhook_id), "Unable to update the webhook"
        body = _body(event_types, hmac, basic_auth, retry_type)
        if url is not None:
            body["url"] = checks.web_url("url", url)
        with unquoted(hmac, basic_auth):
            return await self._ask(DailyWebhook, "POST", path, what, json=body)

    async def delete_webhook(self, webhook_id: str) -> bool:
        """Delete a webhook. That it is gone already is a success.

        Reference: https://docs.daily.co/reference/rest-api/webhooks/delete-webhook

        Args:
            webhook_id: Its ``uuid``.

        Returns:
            True: it no longer exists.

        Raises:
            DailyError: Daily did not delete it.
        """
        what = "Failed to delete the webhook"
        return await delete(self.api, self._webhook(webhook_id), what=what)

    def _webhook(self, webhook_id: str) -> str:
        return f"/webhooks/{segment('webhook_id', webhook_id, key=self.api.key)}"


def _body(
    event_types: Iterable[str] | None,
    hmac: str | None,
    basic_auth: str | None,
    retry_type: str | None,
) -> dict[str, Any]:
    given = {
        "eventTypes": checks.event_types(event_types),
        "hmac": checks.hmac(hmac),
        "basicAuth": arguments.text("basic_auth", basic_auth),
        "retryType": arguments.one_of("retry_type", retry_type, "circuit-breaker", "exponential"),
    }
    body: dict[str, Any] = without_nulls(given)
    return body
