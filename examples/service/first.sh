#!/bin/sh
# From an empty service to a first answer, with curl:
#
#     OPERATOR_PASSWORD=... sh examples/service/first.sh http://127.0.0.1:8080 anna-1.jpg anna-2.jpg
#
# The operator has an account already (`countenance person add operator --role operator`).
set -eu
at=$1/v1 enrolled=$2 probe=$3
until=$(python3 -c 'import datetime as d; print((d.datetime.now(d.UTC) + d.timedelta(days=30)).isoformat())')

ask() { # TOKEN METHOD PATH, then curl's own options
  token=$1 method=$2 path=$3
  shift 3
  curl --silent --show-error --fail-with-body --request "$method" "$at$path" \
    --header "Authorization: Bearer $token" --header "Idempotency-Key: $(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" "$@"
}
send() { # TOKEN METHOD PATH JSON
  ask "$1" "$2" "$3" --header 'Content-Type: application/json' --data "$4"
}
field() { # of the JSON that comes in
  python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}
login() { # NAME PASSWORD
  curl --silent --show-error --fail-with-body "$at/sessions" --header 'Content-Type: application/json' \
    --data "{\"name\": \"$1\", \"password\": \"$2\"}" | field secret
}

# 1. The operator registers a customer and makes two accounts: one asks, the other authorises.
operator=$(login operator "$OPERATOR_PASSWORD")
customer=$(send "$operator" POST /customers '{"name": "Harbour Hotel", "class": "business", "jurisdiction": "GB",
  "legal_basis": "consent", "purposes": ["event-photos"]}' | field customer)
for role in investigator authoriser; do
  send "$operator" POST /people "{\"name\": \"$role of the hotel\", \"password\": \"$OPERATOR_PASSWORD\",
    \"roles\": [\"$role\"], \"customer\": \"$customer\"}" >/dev/null
done

# 2. No case, no search.
investigator=$(login 'investigator of the hotel' "$OPERATOR_PASSWORD")
case=$(send "$investigator" POST /cases "{\"purpose\": \"event-photos\", \"legal_basis\": \"consent\",
  \"reference\": \"party 12\", \"subject_matter\": \"sorting the photographs of a party\", \"expires\": \"$until\",
  \"quota\": 100}" | field case)
ask "$(login 'authoriser of the hotel' "$OPERATOR_PASSWORD")" POST "/cases/$case/authorisation" >/dev/null

# 3. A key for a program, which is shown once, and a compartment for the program's subjects.
key=$(send "$operator" POST /keys "{\"customer\": \"$customer\", \"roles\": [\"enroller\", \"investigator\"],
  \"expires\": \"$until\", \"case\": \"$case\"}" | field secret)
send "$key" POST /compartments '{"name": "party"}' >/dev/null

# 4. No reference without a permission. Her receipt is in the answer; hand it to her.
anna=$(send "$key" POST /compartments/party/permissions "{\"subject\": \"anna\", \"purposes\": [\"event-photos\"],
  \"residence\": \"GB\", \"until\": \"$(echo "$until" | cut -c1-10)\"}" | field id)
ask "$key" POST "/compartments/party/subjects/$anna/images" --form "images=@$enrolled"
echo

# 5. Who is in another photograph?
ask "$key" POST /compartments/party/searches --form "image=@$probe"
echo

# 6. She is forgotten, everywhere.
ask "$key" DELETE "/compartments/party/subjects/$anna"
echo
