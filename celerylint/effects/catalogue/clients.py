"""Calls of other packages' clients that a second run repeats: payments, mail, messages, HTTP, clouds, brokers, stores, files.

A client is known by where its name comes from: the path starts with the package it was imported from, whatever the project calls
it. Verbs that a repeat does not harm (retrieve, put, delete, set) are not here.
"""

from __future__ import annotations

from celerylint.effects.catalogue import kinds as k
from celerylint.effects.catalogue.table import Effect, Table

_KEY = ("idempotency_key", "options")
_TOKEN = ("ClientToken", "ClientRequestToken", "IdempotencyToken")
_COUNTS = r".*\b(incr(by(float)?)?|decr(by)?|[lr]pushx?|xadd|append|zincrby|hincrby(float)?|rpoplpush|lmove)"
_REDIS = (
    Effect(_COUNTS, k.STORE),
    Effect(r".*\b(publish|spublish)", k.PUBLISH),
)
_TELEGRAM = (
    r"message|photo|document|audio|video|animation|voice|video_note|media_group|location|venue|poll|dice|sticker"
)

_ADDS = r"(?i)\badd\b|([\w.#]+)\s*=\s*\1\s*[-+]|\blist_append\(|=\s*if_not_exists\([^)]*\)\s*[-+]"
_MONGO = (
    Effect(r".*\b(insert_one|insert_many)", k.CREATE, ("_id",)),
    *(
        Effect(r".*\b(update_one|update_many|find_one_and_update)", k.STORE, given=(verb, ""))
        for verb in ("$inc", "$push", "$mul")
    ),
)

_ADYEN = (
    Effect(r".*\b(payments|authorise\w*|capture\w*|refund\w*|donations|transfer_funds|initiate_cashout|request_grant_payout)",
           k.PAYMENT, ("idempotency_key",)),
    Effect(r".*\b(payment_links|create_\w+)", k.MAKE, ("idempotency_key",)),
)  # fmt: skip

EFFECTS: Table = {
    # --- payments
    "stripe": (
        Effect(r".*\b(Charge|PaymentIntent|Invoice|InvoiceItem|Subscription|SubscriptionSchedule|Transfer|Payout|Refund|Topup)"
               r"\.create(_async)?", k.PAYMENT, _KEY),
        Effect(r".*\b(charges|payment_intents|invoices|invoice_items|subscriptions|subscription_schedules|transfers|payouts|refunds"
               r"|topups)\.create(_async)?", k.PAYMENT, _KEY),
        Effect(r".*\b(capture|confirm|refund|pay|finalize_invoice)(_async)?", k.PAYMENT, _KEY),
        Effect(r".*\bsend_invoice(_async)?", k.MAIL, _KEY),
        Effect(r".*\bcreate(_\w+)?", k.MAKE, _KEY),
    ),
    "braintree": (
        Effect(r".*\b(sale|refund|submit_for_settlement|submit_for_partial_settlement|credit|clone_transaction|retry_charge)",
               k.PAYMENT),
        Effect(r".*\b(subscription|transaction|Subscription|Transaction)\.create", k.PAYMENT),
        Effect(r".*\bcreate", k.MAKE),
    ),
    "adyen": _ADYEN,
    "Adyen": _ADYEN,
    "paypalrestsdk": (
        Effect(r".*\b(Payment|Payout|Sale|Authorization|Capture|Order)\(\)\.(create|execute|refund|capture)", k.PAYMENT,
               ("request_id",)),
        Effect(r".*\b(execute|refund|capture)", k.PAYMENT, ("request_id",)),
        Effect(r".*\bcreate", k.MAKE, ("request_id",)),
    ),
    "paypalserversdk": (
        Effect(r".*\b(create_order|authorize_order|capture_order|capture_authorized_payment|refund_captured_payment"
               r"|create_subscription|capture_subscription)", k.PAYMENT, ("paypal_request_id",)),
    ),
    "paypalcheckoutsdk": (
        Effect(r".*\bPayPalHttpClient\(\)\.execute", k.PAYMENT, given=("0", r"(Create|Capture|Refund|[aA]uthorize)Request\(\)$")),
    ),
    "square": (
        Effect(r".*\b(create_payment|refund_payment|complete_payment|pay_order)", k.PAYMENT, _KEY),
        Effect(r".*\b(payments|refunds)\.(create|complete|refund_payment)", k.PAYMENT, _KEY),
        Effect(r".*\bcreate", k.MAKE, _KEY),
    ),
    "mollie": (Effect(r".*\b(payments|refunds|subscriptions|captures)(\.\w+\(\))?\.create", k.PAYMENT, ("idempotency_key",)),),
    "razorpay": (
        Effect(r".*\b(payment|refund)\.(capture|refund|create|createRecurring|transfer)", k.PAYMENT),
        Effect(r".*\bcreate", k.MAKE),
    ),
    "gocardless_pro": (Effect(r".*\b(payments|refunds|subscriptions|outbound_payments)\.create", k.PAYMENT),),
    "recurly": (Effect(r".*\b(create_purchase|create_subscription|refund_invoice)", k.PAYMENT),),
    "web3": (Effect(r".*\bsend_transaction", k.PAYMENT),),
    "plaid": (Effect(r".*\b(transfer_create|payment_initiation_payment_create)", k.PAYMENT, ("idempotency_key",)),),
    # --- mail
    "smtplib": (Effect(r".*\b(sendmail|send_message)", k.MAIL),),
    "aiosmtplib": (Effect(r"(.*\.)?(send|sendmail|send_message)", k.MAIL),),
    "sendgrid": (Effect(r".*\bmail\.send\.post", k.MAIL), Effect(r".*\bsend", k.MAIL)),
    "mailjet_rest": (Effect(r".*\bsend\.create", k.MAIL),),
    "postmarker": (Effect(r".*\b(send|send_batch|send_with_template)", k.MAIL),),
    "python_http_client": (Effect(r".*\bmail\.send\.post", k.MAIL),),
    "resend": (Effect(r".*\bsend(_async)?", k.MAIL, _KEY),),
    "mailchimp_transactional": (Effect(r".*\b(send|send_template)", k.MAIL),),
    "mandrill": (Effect(r".*\b(send|send_template)", k.MAIL),),
    "flask_mail": (Effect(r"(.*\b)?(send|send_message)", k.MAIL),),
    "fastapi_mail": (Effect(r".*\bsend_message", k.MAIL),),
    "yagmail": (Effect(r".*\bsend", k.MAIL),),
    "emails": (Effect(r".*\bsend", k.MAIL),),
    "post_office": (Effect(r".*\b(send|send_many)", k.MAIL),),
    "templated_email": (Effect(r"send_templated_mail", k.MAIL),),
    # --- chat, SMS, push
    "twilio": (Effect(r".*\b(messages|calls|verifications|sessions|participants|executions)\.create(_async)?", k.MESSAGE),),
    "slack_sdk": (
        Effect(r".*\b(chat_post(Message|Ephemeral)|chat_scheduleMessage|files_upload\w*|send(_dict)?)", k.MESSAGE),
        Effect(r".*\bapi_call", k.MESSAGE, given=("0", r"^(chat\.(post|schedule)|files\.upload)")),
    ),
    "slack": (
        Effect(r".*\b(chat_postMessage|chat_postEphemeral|files_upload|send)", k.MESSAGE),
        Effect(r".*\bapi_call", k.MESSAGE, given=("0", r"^(chat\.post|files\.upload)")),
    ),
    "slackclient": (Effect(r".*\bapi_call", k.MESSAGE, given=("0", r"^(chat\.post|files\.upload)")),),
    "slacker": (Effect(r".*\bpost_message", k.MESSAGE),),
    "telegram": (Effect(rf".*\bsend_({_TELEGRAM})|.*\b(reply_\w+|forward_message|copy_message|sendMessage)", k.MESSAGE),),
    "telebot": (Effect(rf".*\bsend_({_TELEGRAM})|.*\b(reply_to|forward_message|copy_message)", k.MESSAGE),),
    "aiogram": (Effect(rf".*\bsend_({_TELEGRAM})|.*\b(answer|forward_message|copy_message)", k.MESSAGE),),
    "discord": (Effect(r".*\b(send|send_message|reply)", k.MESSAGE),),
    "discord_webhook": (Effect(r".*\bexecute", k.MESSAGE),),
    "firebase_admin": (
        Effect(r".*\b(send|send_all|send_multicast|send_each(_async)?|send_each_for_multicast(_async)?)", k.MESSAGE),
    ),
    "pyfcm": (Effect(r".*\b(notify\w*)", k.MESSAGE),),
    "fcm_django": (Effect(r".*\bsend_message", k.MESSAGE),),
    "apns2": (Effect(r".*\b(send_notification\w*)", k.MESSAGE),),
    "exponent_server_sdk": (Effect(r".*\b(publish|publish_multiple)", k.MESSAGE),),
    "pywebpush": (Effect(r"webpush|.*\bsend", k.MESSAGE),),
    "onesignal": (Effect(r".*\bcreate_notification", k.MESSAGE, ("external_id", "idempotency_key")),),
    "onesignal_sdk": (Effect(r".*\bsend_notification", k.MESSAGE, ("external_id",)),),
    "vonage": (Effect(r".*\b(send|send_message)", k.MESSAGE),),
    "nexmo": (Effect(r".*\bsend_message", k.MESSAGE),),
    "plivo": (Effect(r".*\b(messages|calls)\.create", k.MESSAGE),),
    "messagebird": (Effect(r".*\b(message_create|voice_message_create)", k.MESSAGE),),
    "notifications_python_client": (Effect(r".*\b(send_(email|sms|letter|precompiled_letter)_notification)", k.MESSAGE),),
    "telnyx": (Effect(r".*\bMessage\.create|.*\bmessages\.(create|send)", k.MESSAGE),),
    "slack_bolt": (Effect(r".*\b(chat_post(Message|Ephemeral)|files_upload\w*)", k.MESSAGE),),
    "telethon": (Effect(r".*\bsend_(message|file)", k.MESSAGE),),
    "mattermostdriver": (Effect(r".*\bcreate_post", k.MESSAGE),),
    "apprise": (Effect(r".*\bnotify", k.MESSAGE),),
    "zulip": (Effect(r".*\bsend_message", k.MESSAGE),),
    "pyrogram": (Effect(rf".*\bsend_({_TELEGRAM})", k.MESSAGE),),
    "linebot": (Effect(r".*\b(push_message|reply_message)", k.MESSAGE),),
    "webexteamssdk": (Effect(r".*\bmessages\.create", k.MESSAGE),),
    "africastalking": (Effect(r".*\b(SMS|Airtime)\.send", k.MESSAGE),),
    "customerio": (
        Effect(r".*\b(send_email|send_push|send_sms)", k.MESSAGE),
        Effect(r".*\btrack(_anonymous)?", k.TRACK),
    ),
    "temba_client": (
        Effect(r".*\bcreate_(broadcast|flow_start|message)", k.MESSAGE),
        Effect(r".*\bcreate_contact", k.MAKE),
    ),
    "seed_services_client": (Effect(r".*\bcreate_outbound", k.MESSAGE),),
    "tweepy": (Effect(r".*\b(create_tweet|create_direct_message|send_direct_message)", k.MESSAGE),),
    "praw": (Effect(r".*\b(submit(_image|_poll|_video|_gallery)?|reply)", k.MESSAGE),),
    "pymsteams": (Effect(r".*\bsend", k.MESSAGE),),
    # --- what other services keep
    "googleapiclient": (
        Effect(r"discovery\.build\w*\(\)\..*\b(copy|create|insert|send|append)\(\)\.execute", k.MAKE),
    ),
    "gspread": (Effect(r".*\b(append_rows?|insert_rows?)", k.MAKE),),
    "hubspot": (Effect(r".*\.crm\.(objects|deals|tickets|line_items|quotes)(\.\w+)?\.(basic|batch)_api\.create", k.MAKE),),
    "simple_salesforce": (Effect(r"Salesforce\(\)\.(bulk\.)?\w+\.(create|insert)", k.MAKE),),
    "zenpy": (Effect(r"Zenpy\(\)\.\w+\.create", k.MAKE),),
    "intercom": (Effect(r".*\b(messages|conversations|events|notes|tickets)\.create", k.MAKE),),
    "github": (Effect(r".*\bcreate_(issue|comment|issue_comment|review|review_comment)", k.MAKE),),
    "jira": (Effect(r".*\b(create_issues?|add_comment)", k.MAKE),),
    "gitlab": (Effect(r".*\b(issues|notes|discussions|mergerequests|pipelines|releases)\.create", k.MAKE),),
    "asana": (Effect(r".*\bcreate_(task|subtask_for_task|story_for_task|project)", k.MAKE),),
    "notion_client": (Effect(r".*\b(pages|comments)\.create", k.MAKE), Effect(r".*\bchildren\.append", k.MAKE)),
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
        Effect(r"(.*\.)?client\(kinesis\)\.put_records?", k.PUBLISH),
        Effect(r"(.*\.)?client\(firehose\)\.put_record(_batch)?", k.PUBLISH),
        Effect(r"(.*\.)?client\(events\)\.put_events", k.PUBLISH),
        Effect(r"(.*\.)?client\(iot-data\)\.publish", k.PUBLISH),
        Effect(r"(.*\.)?client\(apigatewaymanagementapi\)\.post_to_connection", k.MESSAGE),
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
        Effect(r"(.*\.)?client\(stepfunctions\)\.start_execution", k.LAUNCH, ("name",)),
        Effect(r"(.*\.)?client\(glue\)\.start_job_run", k.LAUNCH),
        Effect(r"(.*\.)?client\(codebuild\)\.start_build", k.LAUNCH, ("idempotencyToken",)),
        Effect(r"(.*\.)?client\(ssm\)\.send_command", k.LAUNCH),
        Effect(r"(.*\.)?client\(mediaconvert\)\.create_job", k.LAUNCH, _TOKEN),
        Effect(r"(.*\.)?client\((rekognition|textract)\)\.start_\w+", k.LAUNCH, _TOKEN),
    ),
    "google": (
        Effect(r".*\bpubsub\w*\..*\bpublish", k.PUBLISH),
        Effect(r".*\btasks\w*\..*\bcreate_task", k.LAUNCH, ("name",)),
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
    "nats": (Effect(r".*\bpublish", k.PUBLISH, ("Nats-Msg-Id",)),),
    "rq": (Effect(r".*\benqueue(_call|_in|_at|_many)?", k.PUBLISH, ("job_id",)),),
    "django_rq": (Effect(r".*\benqueue(_call|_in|_at)?", k.PUBLISH, ("job_id",)),),
    "django_q": (Effect(r"(tasks\.)?(async_task|async_iter|async_chain)", k.PUBLISH),),
    "channels": (Effect(r".*\b(group_send|send)", k.TRACK),),
    "pusher": (Effect(r".*\b(trigger|trigger_batch)", k.MESSAGE),),
    # --- stores
    "redis": _REDIS,
    "django_redis": _REDIS,
    "flask_redis": _REDIS,
    "fakeredis": _REDIS,
    "aioredis": _REDIS,
    "valkey": _REDIS,
    "peewee": (Effect(r".*\bModel\.(create|bulk_create)", k.CREATE),),
    "tortoise": (Effect(r".*\bModel\.(create|bulk_create)", k.CREATE),),
    "pymongo": (*_MONGO, Effect(r".*\binsert", k.CREATE, ("_id",))),
    "motor": _MONGO,
    "pandas": (
        Effect(r".*\bto_sql", k.CREATE, given=("if_exists", "^append$")),
        Effect(r".*\bto_csv", k.APPEND, given=("mode", "^a")),
    ),
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
    "sparkpost": (Effect(r".*\btransmissions?\.send", k.MAIL),),
    "sib_api_v3_sdk": (Effect(r".*\bsend_(transac_email|email_campaign_now)", k.MAIL), Effect(r".*\bsend_transac_sms", k.MESSAGE)),
    "brevo_python": (Effect(r".*\bsend_transac_email", k.MAIL), Effect(r".*\bsend_transac_sms", k.MESSAGE)),
    "exchangelib": (Effect(r".*\bMessage\(\)\.(send|send_and_save)", k.MAIL),),
    "anymail": (Effect(r".*\bsend", k.MAIL),),
    "templated_mail": (Effect(r".*\bsend", k.MAIL),),
}  # fmt: skip
