# SPDX-License-Identifier: BSD-2-Clause
"""Webhooks: created, listed, updated and deleted.

Reference: https://docs.daily.co/reference/rest-api/webhooks
"""

from typing import Any

from aiohttp import web

from pipecat_daily_rest.local.outside.phone_bodies import WEBHOOK
from pipecat_daily_rest.local.outside.sending import new_secret
from pipecat_daily_rest.local.outside.webhooks import CIRCUIT_BREAKER, EVENT_TYPES, Webhook
from pipecat_daily_rest.local.rest.endpoints.family import Family, Route, iso
from pipecat_daily_rest.local.rules import schema
from pipecat_daily_rest.local.rules.schema import Refusal, invalid
from pipecat_daily_rest.local.secret import Secret, secret

# The first sentence was measured; the second is ours.
_NO_CARD = "This feature is only available to paid accounts. Add a payment card to the account."


class WebhookEndpoints(Family):
    """The webhooks of the domain."""

    def routes(self) -> list[Route]:
        """List the endpoints."""
        return [
            ("GET", "/webhooks", self.list_webhooks),
            ("POST", "/webhooks", self.create_webhook),
            ("GET", "/webhooks/{id}", self.get_webhook),
            ("POST", "/webhooks/{id}", self.update_webhook),
            ("DELETE", "/webhooks/{id}", self.delete_webhook),
        ]

    def list_webhooks(self, request: web.Request, body: Any) -> Any:
        """List the webhooks."""
        # https://docs.daily.co/reference/rest-api/webhooks/get-webhooks
        self._check_plan()
        return [self._describe(webhook) for webhook in self._parts.webhooks.all]

    async def create_webhook(self, request: web.Request, body: Any) -> Any:
        """Create a webhook, once its endpoint has passed the test."""
        # https://docs.daily.co/reference/rest-api/webhooks/create-webhook
        self._check_plan()
        given = self._schema.body(WEBHOOK, body)
        if "url" not in given:
            raise invalid(schema.MISSING)
        types = list(EVENT_TYPES) if self._choices.webhook_without_types == "all" else []
        webhook = Webhook(
            url=given["url"],
            hmac=Secret(given.get("hmac") or new_secret()),
            basic_auth=secret(given.get("basicAuth")),
            event_types=given.get("eventTypes", types),
            retry_type=given.get("retryType", CIRCUIT_BREAKER),
            created_at=self._now,
            updated_at=self._now,
        )
        self._check_count()
        await self._verify(webhook)
        self._check_count()  # another request may have added one meanwhile
        self._parts.webhooks.add(webhook)
        return self._describe(webhook)

    def get_webhook(self, request: web.Request, body: Any) -> Any:
        """Give a webhook."""
        # https://docs.daily.co/reference/rest-api/webhooks/get-webhook
        self._check_plan()
        described = self._describe(self._webhook(request))
        return [described] if self._choices.webhook_info_in_array else described

    async def update_webhook(self, request: web.Request, body: Any) -> Any:
        """Update a webhook, once its endpoint has passed the test; a failed one is active again."""
        # https://docs.daily.co/reference/rest-api/webhooks/update-webhook
        self._check_plan()
        webhook = self._webhook(request)
        given = self._schema.body(WEBHOOK, body)
        wanted = Webhook(
            url=given.get("url", webhook.url),
            hmac=Secret(given.get("hmac", webhook.hmac)),
            basic_auth=secret(given.get("basicAuth", webhook.basic_auth)),
            event_types=given.get("eventTypes", webhook.event_types),
            retry_type=given.get("retryType", webhook.retry_type),
            created_at=webhook.created_at,
            updated_at=self._now,
            uuid=webhook.uuid,
            pushed_at=webhook.pushed_at,
        )
        await self._verify(wanted)
        webhook = self._webhook(request)  # it may have been deleted meanwhile
        vars(webhook).update(vars(wanted))
        return self._describe(webhook)

    def delete_webhook(self, request: web.Request, body: Any) -> Any:
        """Delete a webhook; the body of the response is not documented."""
        # https://docs.daily.co/reference/rest-api/webhooks/delete-webhook
        self._check_plan()
        webhook = self._webhook(request)
        self._parts.webhooks.remove(webhook)
        return {"deleted": True, "uuid": webhook.uuid}

    def _check_plan(self) -> None:
        if not self._choices.card_on_file:
            raise Refusal(self._choices.no_card_status, "invalid-plan-type", _NO_CARD)

    def _check_count(self) -> None:
        limit = self._choices.max_webhooks
        if limit is not None and len(self._parts.webhooks.all) >= limit:
            raise invalid(self._choices.too_many_webhooks_info.format(limit=limit))

    async def _verify(self, webhook: Webhook) -> None:
        if not await self._parts.webhooks.verify(webhook.url, webhook.hmac, webhook.basic_auth):
            raise invalid(self._choices.webhook_failed_info)

    def _webhook(self, request: web.Request) -> Webhook:
        by_uuid = {webhook.uuid: webhook for webhook in self._parts.webhooks.all}
        return self._find(request, by_uuid, "webhook")

    def _describe(self, webhook: Webhook) -> dict[str, Any]:
        return {
            "uuid": webhook.uuid,
            "url": webhook.url,
            "hmac": webhook.hmac,
            "basicAuth": webhook.basic_auth,
            "retryType": webhook.retry_type,
            "eventTypes": webhook.event_types,
            "state": "FAILED" if webhook.failed else "ACTIVE",
            "failedCount": webhook.failed_count,
            "lastMomentPushed": None if webhook.pushed_at is None else iso(webhook.pushed_at),
            "domainId": self._domain.id,
            "createdAt": iso(webhook.created_at),
            "updatedAt": iso(webhook.updated_at),
        }
