"""Calls of other packages' clients that a second run repeats: payments, mail, messages, HTTP, clouds, brokers, stores, files.

A client is known by where its name comes from: the path starts with the package it was imported from, whatever the project calls
it. Verbs that a repeat does not harm (retrieve, put, delete, set) are not here.
"""

from __future__ import annotations

from celerylint.effects.catalogue import kinds as k
from celerylint.effects.catalogue.table import Effect, Table

_KEY = ("idempotency_key", "idempotencyKey", "options")
_TOKEN = ("ClientToken", "ClientRequestToken", "ClientRequestId", "IdempotencyToken", "client_token")
_COUNTS = r".*\b(incr(by)?(float)?|decr(by)?|[lr]pushx?|xadd|append|zincrby|hincrby(float)?|rpoplpush|lmove)"

_ADDS = r"(?i)\badd\b|([\w.#]+)\s*=\s*\1\s*[-+]|\blist_append\(|=\s*if_not_exists\([^)]*\)\s*[-+]"
_MONGO = (
    Effect(r".*\b(insert_one|insert_many|insert)", k.CREATE, ("_id",)),
    *(
        Effect(r".*\b(update_one|update_many|find_one_and_update)", k.STORE, given=(verb, ""))
        for verb in ("$inc", "$push", "$mul")
    ),
)

EFFECTS: Table = {
    # --- payments
    "stripe": (Effect(r".*\b(create(_async)?|capture|confirm|refund|pay|finalize_invoice|reverse)", k.PAYMENT, _KEY),),
    "braintree": (Effect(r".*\b(sale|refund|create|submit_for_settlement|credit|clone_transaction)", k.PAYMENT),),
    "adyen": (Effect(r".*\b(payments|authorise|capture|refund|payouts?|create_\w+)", k.PAYMENT, ("idempotency_key",)),),
    "Adyen": (Effect(r".*\b(payments|authorise|capture|refund|payouts?|create_\w+)", k.PAYMENT, ("idempotency_key",)),),
    "paypalrestsdk": (Effect(r".*\b(create|execute|refund|capture)", k.PAYMENT, ("request_id", "refresh_token")),),
    "paypalcheckoutsdk": (Effect(r".*\bexecute", k.PAYMENT),),
    "square": (Effect(r".*\b(create_payment|create_refund|refund_payment|create|complete|pay_order)", k.PAYMENT, _KEY),),
    "squareup": (Effect(r".*\b(create_payment|refund_payment|create)", k.PAYMENT, _KEY),),
    "mollie": (Effect(r".*\b(create|refund)", k.PAYMENT, _KEY),),
    "razorpay": (Effect(r".*\b(create|capture|refund)", k.PAYMENT),),
    "gocardless_pro": (Effect(r".*\b(payments|refunds|payouts|subscriptions)\.create", k.PAYMENT),),
    "recurly": (Effect(r".*\b(create_purchase|create_subscription|refund_invoice)", k.PAYMENT),),
    "web3": (Effect(r".*\bsend_transaction", k.PAYMENT),),
    "plaid": (Effect(r".*\b(transfer_create|payment_initiation_payment_create)", k.PAYMENT, _KEY),),
    # --- mail
    "smtplib": (Effect(r".*\b(sendmail|send_message)", k.MAIL),),
    "aiosmtplib": (Effect(r"(.*\.)?(send|sendmail|send_message)", k.MAIL),),
    "sendgrid": (Effect(r".*\b(send|post)", k.MAIL),),
    "mailjet_rest": (Effect(r".*\bcreate", k.MAIL),),
    "postmarker": (Effect(r".*\b(send|send_batch|send_with_template)", k.MAIL),),
    "python_http_client": (Effect(r".*\bpost", k.MAIL),),
    "resend": (Effect(r".*\bsend", k.MAIL, _KEY),),
    "mailchimp_transactional": (Effect(r".*\b(send|send_template)", k.MAIL),),
    "mandrill": (Effect(r".*\b(send|send_template)", k.MAIL),),
    "flask_mail": (Effect(r"(.*\b)?(send|send_message)", k.MAIL),),
    "fastapi_mail": (Effect(r".*\bsend_message", k.MAIL),),
    "yagmail": (Effect(r".*\bsend", k.MAIL),),
    "emails": (Effect(r".*\bsend", k.MAIL),),
    "post_office": (Effect(r".*\b(send|send_many)", k.MAIL),),
    "templated_email": (Effect(r"send_templated_mail", k.MAIL),),
    "mailer": (Effect(r".*\bsend\w*", k.MAIL),),
    # --- chat, SMS, push
    "twilio": (Effect(r".*\b(messages|calls|verifications|sessions|participants|executions)\.create(_async)?", k.MESSAGE),),
    "slack_sdk": (Effect(r".*\b(chat_post(Message|Ephemeral)|chat_scheduleMessage|files_upload\w*|send(_dict)?)", k.MESSAGE),),
    "slack": (Effect(r".*\b(chat_postMessage|chat_postEphemeral|files_upload|send)", k.MESSAGE),),
    "slackclient": (Effect(r".*\b(api_call|chat_postMessage)", k.MESSAGE),),
    "slacker": (Effect(r".*\bpost_message", k.MESSAGE),),
    "telegram": (Effect(r".*\b(send_\w+|sendMessage)", k.MESSAGE),),
    "telebot": (Effect(r".*\b(send_\w+|reply_to)", k.MESSAGE),),
    "aiogram": (Effect(r".*\b(send_\w+|answer)", k.MESSAGE),),
    "discord": (Effect(r".*\b(send)", k.MESSAGE),),
    "discord_webhook": (Effect(r".*\bexecute", k.MESSAGE),),
    "firebase_admin": (Effect(r".*\b(send|send_all|send_each|send_multicast|send_each_for_multicast|send_message)", k.MESSAGE),),
    "pyfcm": (Effect(r".*\b(notify\w*)", k.MESSAGE),),
    "fcm_django": (Effect(r".*\bsend_message", k.MESSAGE),),
    "apns2": (Effect(r".*\b(send_notification\w*)", k.MESSAGE),),
    "exponent_server_sdk": (Effect(r".*\b(publish|publish_multiple)", k.MESSAGE),),
    "pywebpush": (Effect(r"webpush|.*\bsend", k.MESSAGE),),
    "onesignal": (Effect(r".*\bcreate_notification", k.MESSAGE, ("external_id", "idempotency_key")),),
    "vonage": (Effect(r".*\b(send|send_message)", k.MESSAGE),),
    "nexmo": (Effect(r".*\bsend_message", k.MESSAGE),),
    "plivo": (Effect(r".*\bcreate", k.MESSAGE),),
    "messagebird": (Effect(r".*\b(message_create|voice_message_create)", k.MESSAGE),),
    "notifications_python_client": (Effect(r".*\b(send_(email|sms|letter|precompiled_letter)_notification)", k.MESSAGE),),
    "telnyx": (Effect(r".*\bMessage\.create|.*\bmessages\.(create|send)", k.MESSAGE),),
    "slack_bolt": (Effect(r".*\b(chat_post(Message|Ephemeral)|files_upload\w*)", k.MESSAGE),),
    "telethon": (Effect(r".*\bsend_(message|file)", k.MESSAGE),),
    "mattermostdriver": (Effect(r".*\bcreate_post", k.MESSAGE),),
    "apprise": (Effect(r".*\bnotify", k.MESSAGE),),
    "pymsteams": (Effect(r".*\bsend", k.MESSAGE),),
    # --- what other services keep
    "googleapiclient": (
        Effect(r"discovery\.build\w*\(\)\..*\b(copy|create|insert|send|append)\(\)\.execute", k.MAKE, ("requestId",)),
    ),
    "gspread": (Effect(r".*\b(append_rows?|insert_rows?)", k.MAKE),),
    "hubspot": (Effect(r".*\.crm\.(objects|deals|tickets|line_items|quotes)(\.\w+)?\.(basic|batch)_api\.create", k.MAKE),),
    "simple_salesforce": (Effect(r"Salesforce\(\)\.(bulk\.)?\w+\.(create|insert)", k.MAKE),),
    "zenpy": (Effect(r"Zenpy\(\)\.\w+\.create", k.MAKE),),
    "intercom": (Effect(r".*\b(messages|conversations|events|notes|tickets)\.create", k.MAKE),),
    "github": (Effect(r".*\bcreate_(issue|comment|issue_comment|review|review_comment)", k.MAKE),),
    "jira": (Effect(r".*\b(create_issues?|add_comment)", k.MAKE),),
    "pyairtable": (Effect(r".*\b(create|batch_create)", k.MAKE),),
    "docker": (Effect(r".*\bcontainers\.run", k.LAUNCH, ("name",)),),
    "openai": (Effect(r".*\b(images\.(generate|edit)|batches\.create|fine_tuning\.jobs\.create)", k.LAUNCH),),
    # --- HTTP
    "requests": (Effect(r"(.*\.)?post", k.HTTP), Effect(r"(.*\.)?patch", k.PATCH)),
    "httpx": (Effect(r"(.*\.)?post", k.HTTP), Effect(r"(.*\.)?patch", k.PATCH)),
    "aiohttp": (Effect(r".*\.post", k.HTTP), Effect(r".*\.patch", k.PATCH)),
    "requests_oauthlib": (Effect(r".*\.post", k.HTTP), Effect(r".*\.patch", k.PATCH)),
    "authlib": (Effect(r".*\.post", k.HTTP), Effect(r".*\.patch", k.PATCH)),
    "requests_toolbelt": (Effect(r".*\.post", k.HTTP),),
    "cloudscraper": (Effect(r".*\.post", k.HTTP),),
    # --- clouds
    "boto3": (
        Effect(r"(.*\.)?client\((ses|sesv2|pinpoint-email|)\)\.send_\w*email", k.MAIL),
        Effect(r"(.*\.)?client\((pinpoint|pinpoint-sms-voice|pinpoint-sms-voice-v2)\)\.send_\w+", k.MESSAGE),
        Effect(r"(.*\.)?client\((sns|)\)\.publish(_batch)?", k.PUBLISH, ("MessageDeduplicationId",)),
        Effect(r"(.*\.)?resource\((sns|)\)\..*\bpublish", k.PUBLISH, ("MessageDeduplicationId",)),
        Effect(r"(.*\.)?client\((sqs|)\)\.send_message(_batch)?", k.PUBLISH, ("MessageDeduplicationId",)),
        Effect(r"(.*\.)?resource\((sqs|)\)\..*\bsend_messages?", k.PUBLISH, ("MessageDeduplicationId",)),
        Effect(r"(.*\.)?client\((kinesis|firehose)\)\.put_records?(_batch)?", k.PUBLISH),
        Effect(r"(.*\.)?client\((events|eventbridge)\)\.put_events", k.PUBLISH),
        Effect(r"(.*\.)?client\(lambda\)\.invoke", k.LAUNCH, given=("InvocationType", "^Event$")),
        Effect(r"(.*\.)?client\(lambda\)\.invoke", k.UNKNOWN_CLIENT),
        Effect(r"(.*\.)?client\(lambda\)\.invoke_async", k.LAUNCH),
        Effect(r"(.*\.)?(client|resource)\((dynamodb|)\)\.(.*\.)?update_item", k.STORE, ("ConditionExpression",),
               given=("UpdateExpression", _ADDS)),
        Effect(r"(.*\.)?client\((ec2|)\)\.run_instances", k.LAUNCH, _TOKEN),
        Effect(r"(.*\.)?resource\((ec2|)\)\.create_instances", k.LAUNCH, _TOKEN),
        Effect(r"(.*\.)?client\(kms\)\.create_key", k.MAKE),
        Effect(r"(.*\.)?client\(ecs\)\.(run_task|start_task)", k.LAUNCH, ("clientToken", *_TOKEN)),
        Effect(r"(.*\.)?client\(batch\)\.submit_job", k.LAUNCH),
        Effect(r"(.*\.)?client\((stepfunctions|sfn)\)\.start_execution", k.LAUNCH, ("name",)),
        Effect(r"(.*\.)?client\(glue\)\.start_job_run", k.LAUNCH, ("JobRunId",)),
        Effect(r"(.*\.)?client\((transcribe|mediaconvert|rekognition|textract)\)\.(start_\w+|create_job)", k.LAUNCH, _TOKEN),
    ),
    "google": (
        Effect(r".*\bpubsub\w*\..*\bpublish", k.PUBLISH),
        Effect(r".*\btasks\w*\..*\bcreate_task", k.LAUNCH, ("task_id", "name")),
        Effect(r".*\bbigquery\..*\b(insert_rows\w*|load_table_from_\w+)", k.STORE, ("row_ids", "job_id")),
        Effect(r".*\bfirestore\w*\..*\bcollection\(\)\.add", k.CREATE),
    ),
    "azure": (Effect(r".*\b(send_messages?|send_event|send_batch|begin_send)", k.PUBLISH),),
    # --- brokers
    "kafka": (Effect(r".*\bsend", k.PUBLISH),),
    "confluent_kafka": (Effect(r".*\bproduce", k.PUBLISH),),
    "aiokafka": (Effect(r".*\b(send|send_and_wait)", k.PUBLISH),),
    "pika": (Effect(r".*\bbasic_publish", k.PUBLISH),),
    "aio_pika": (Effect(r".*\bpublish", k.PUBLISH),),
    "kombu": (Effect(r".*\bpublish|.*\bSimple(Queue|Buffer)\(\)\.put", k.PUBLISH),),
    "amqp": (Effect(r".*\bbasic_publish", k.PUBLISH),),
    "paho": (Effect(r".*\b(publish|single|multiple)", k.PUBLISH),),
    "nats": (Effect(r".*\bpublish", k.PUBLISH),),
    "rq": (Effect(r".*\benqueue(_call|_in|_at|_many)?", k.PUBLISH, ("job_id",)),),
    "django_rq": (Effect(r".*\benqueue(_call|_in|_at)?", k.PUBLISH, ("job_id",)),),
    "django_q": (Effect(r"(tasks\.)?(async_task|async_iter|async_chain)", k.PUBLISH),),
    "channels": (Effect(r".*\b(group_send|send)", k.TRACK),),
    "pusher": (Effect(r".*\b(trigger|trigger_batch)", k.MESSAGE),),
    # --- stores
    "redis": (Effect(_COUNTS, k.STORE), Effect(r".*\bpublish", k.PUBLISH)),
    "django_redis": (Effect(_COUNTS, k.STORE), Effect(r".*\bpublish", k.PUBLISH)),
    "flask_redis": (Effect(_COUNTS, k.STORE), Effect(r".*\bpublish", k.PUBLISH)),
    "fakeredis": (Effect(_COUNTS, k.STORE), Effect(r".*\bpublish", k.PUBLISH)),
    "aioredis": (Effect(_COUNTS, k.STORE), Effect(r".*\bpublish", k.PUBLISH)),
    "valkey": (Effect(_COUNTS, k.STORE), Effect(r".*\bpublish", k.PUBLISH)),
    "peewee": (Effect(r".*\bModel\.(create|bulk_create)", k.CREATE),),
    "tortoise": (Effect(r".*\bModel\.(create|bulk_create)", k.CREATE),),
    "pymongo": _MONGO,
    "motor": _MONGO,
    # --- search and analytics
    "elasticsearch": (Effect(r".*\bindex", k.INDEX, ("id",)),),
    "opensearchpy": (Effect(r".*\bindex", k.INDEX, ("id",)),),
    "analytics": (Effect(r"(.*\b)?track", k.TRACK, ("message_id", "messageId")),),
    "segment": (Effect(r".*\btrack", k.TRACK, ("message_id",)),),
    "mixpanel": (Effect(r".*\b(track|people_increment|people_append)", k.TRACK, ("$insert_id",)),),
    "posthog": (Effect(r"(.*\b)?capture", k.TRACK, ("uuid",)),),
    # --- files and processes
    "shutil": (Effect(r"move", k.MOVE),),
    "subprocess": (Effect(r"(run|call|check_call|check_output|Popen)", k.PROCESS),),
    "os": (Effect(r"(rename|renames)", k.MOVE), Effect(r"system", k.PROCESS)),
    # --- Django
    "django": (
        Effect(r"core\.mail\.(.*\b)?(send_mail|send_mass_mail|mail_admins|mail_managers|send|send_messages)", k.MAIL),
        Effect(r"core\.cache\.(.*\.)?(incr|decr|incr_version)", k.STORE),
        Effect(r"core\.files\.storage\.(.*\.)?save", k.NAMED),
        Effect(r"contrib\.messages\..*", k.TRACK),
    ),
    "mailgun": (Effect(r".*\bmessages\.create", k.MAIL),),
    "sparkpost": (Effect(r".*\btransmissions\.(send|post)", k.MAIL),),
    "sib_api_v3_sdk": (Effect(r".*\bsend_(transac_email|email_campaign_now)", k.MAIL), Effect(r".*\bsend_transac_sms", k.MESSAGE)),
    "brevo_python": (Effect(r".*\bsend_transac_email", k.MAIL), Effect(r".*\bsend_transac_sms", k.MESSAGE)),
    "exchangelib": (Effect(r".*\bMessage\(\)\.(send|send_and_save)", k.MAIL),),
    "anymail": (Effect(r".*\bsend", k.MAIL),),
    "templated_mail": (Effect(r".*\bsend", k.MAIL),),
}  # fmt: skip
